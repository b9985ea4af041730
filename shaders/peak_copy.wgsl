// y = x, 16 bytes an invocation.
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * 64u + id.x;
  if (i < arrayLength(&y)) {
    y[i] = x[i];
  }
}
