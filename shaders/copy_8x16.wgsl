// destination[o] = source[i], or the fill value outside of the range of axis 0, in bytes: 16 x 4 an invocation.
// Neighbours along axis 0 lie together in the destination, those along axis 1 in the source; their sizes count sixteens and
// fours.
// @use axes

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> destination: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.x + group.y * groups.x) * 64u + lane;
  if (index >= params.count) {
    return;
  }
  var rest = index;
  var at: array<u32, AXES>;
  for (var a = 0u; a < INNER; a++) { // @unroll
    at[a] = rest % params.axes[a].size;
    rest /= params.axes[a].size;
  }
  at[INNER] = rest;
  var i = params.first_in;
  var o = params.first_out;
  for (var a = 0u; a < AXES; a++) { // @unroll
    let unit = select(1u, select(4u, 16u, a == 0u), a < 2u);
    i += i32(at[a] * unit) * params.axes[a].step_in;
    o += at[a] * unit * params.axes[a].step_out;
  }
  // Word k holds four neighbours along axis 1 at position k along axis 0.
  var words: array<u32, 16>;
  for (var k = 0u; k < 16u; k++) { // @unroll
    words[k] = params.fill;
    if (at[0] * 16u + k >= params.axes[0].low && at[0] * 16u + k < params.axes[0].high) {
      words[k] = source[(i + i32(k) * params.axes[0].step_in) >> 2u];
    }
  }
  for (var p = 0u; p < 4u; p++) { // @unroll
    var block: vec4u;
    for (var q = 0u; q < 4u; q++) { // @unroll
      let four = vec4u(words[q * 4u], words[q * 4u + 1u], words[q * 4u + 2u], words[q * 4u + 3u]);
      let bytes = ((four >> vec4u(p * 8u)) & vec4u(255u)) << vec4u(0u, 8u, 16u, 24u);
      block[q] = bytes.x | bytes.y | bytes.z | bytes.w;
    }
    if (at[1] * 4u + p < params.axes[1].high) {
      destination[(o + p * params.axes[1].step_out) >> 4u] = block;
    }
  }
}
