// destination[o] = source[i], or the fill value outside of the ranges, in bytes: four bytes, one word, an invocation.
// The destination is dense, so o is the number of the element; i is the sum of position * step over the axes.
// @use axes
const ALIGNED: u32 = 0; // 1 where no word holds elements from two rows of axis 0
const KEEP: u32 = 0; // 1 to leave what is outside of the ranges as it is

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> destination: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

// The byte that goes to a position.
fn byte(at: array<u32, AXES>, kept: u32) -> u32 {
  var i = params.first_in;
  var inside = true;
  for (var a = 0u; a < AXES; a++) { // @unroll
    i += i32(at[a]) * params.axes[a].step_in;
    inside = inside && at[a] >= params.axes[a].low && at[a] < params.axes[a].high;
  }
  if (inside) {
    return (source[i >> 2u] >> ((u32(i) & 3u) * 8u)) & 255u;
  }
  return kept;
}

fn positions(index: u32) -> array<u32, AXES> {
  var rest = index;
  var at: array<u32, AXES>;
  for (var a = 0u; a < INNER; a++) { // @unroll
    at[a] = rest % params.axes[a].size;
    rest /= params.axes[a].size;
  }
  at[INNER] = rest;
  return at;
}

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
  var kept = params.fill;
  if (KEEP == 1u) {
    kept = destination[index];
  }
  var at = positions(index * 4u);
  var word = byte(at, kept & 255u);
  for (var k = 0u; k < 3u; k++) { // @unroll
    if (ALIGNED == 1u) {
      at[0]++;
    } else {
      at = positions(index * 4u + 1u + k);
    }
    word |= byte(at, (kept >> (k * 8u + 8u)) & 255u) << (k * 8u + 8u);
  }
  destination[index] = word;
}
