// destination[o] = source[i], or the fill value outside of the range of axis 0, in bytes: 4 x 4 an invocation.
// Neighbours along axis 0 lie together in the destination, those along axis 1 in the source; both sizes count fours.
// @use axes

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> destination: array<u32>;
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
    let unit = select(1u, 4u, a < 2u);
    i += i32(at[a] * unit) * params.axes[a].step_in;
    o += at[a] * unit * params.axes[a].step_out;
  }
  var words = vec4u(params.fill);
  for (var k = 0u; k < 4u; k++) { // @unroll
    if (at[0] * 4u + k >= params.axes[0].low && at[0] * 4u + k < params.axes[0].high) {
      words[k] = source[(i + i32(k) * params.axes[0].step_in) >> 2u];
    }
  }
  for (var k = 0u; k < 4u; k++) { // @unroll
    let bytes = ((words >> vec4u(k * 8u)) & vec4u(255u)) << vec4u(0u, 8u, 16u, 24u);
    if (at[1] * 4u + k < params.axes[1].high) {
      destination[(o + k * params.axes[1].step_out) >> 2u] = bytes.x | bytes.y | bytes.z | bytes.w;
    }
  }
}
