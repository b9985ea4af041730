// y[k, r] = (x[k, r] - mean) / sqrt(variance + epsilon) * scale[r] + bias[r], mean and variance taken over r; with ADDED
// the sum x + added takes the place of x. y lies as x.
// @use layer_norm

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
  epsilon: f32,
}

@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let first = row * params.step;
  let end = select(0u, params.step, row < params.count);
  let own = statistics(first, end, lane);
  for (var r = lane % SHARE; r < end; r += SHARE) {
    y[first + r] = normalized(first, r, own);
  }
}
