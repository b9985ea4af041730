// y[k, r] = exp(x[k, r] - max) / sum of these over r. y lies as x.
// @use softmax

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
}

@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

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
