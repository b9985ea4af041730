// y = clamp(round(softmax / y_scale) + y_zero, -128, 127), softmax as softmax_f32x4 gives it; r of y in blocks of 16
// @use softmax
// @use steps

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row of x
  y_scale: f32,
  y_zero: f32,
}

@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
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
  let blocks = (params.step + 3u) / 4u;
  for (var block = lane % SHARE; block * 4u < end; block += SHARE) {
    var packed: vec4u;
    for (var q = 0u; q < 4u; q++) { // @unroll
      let r = block * 4u + q;
      if (r < end) {
        packed[q] = pack4xI8(vec4i(quantize(normalized(first, r, own), params.y_scale, params.y_zero)));
      }
    }
    y[row * blocks + block] = packed;
  }
}
