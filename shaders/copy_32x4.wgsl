// destination[o] = source[i], or the fill value outside of the ranges: four elements of 4 bytes an invocation,
// neighbours along axis 0, stored at once. i is the sum of position * step over the axes, o the same over 4.
// @use axes
const TURNS: u32 = 1; // blocks of an invocation, 64 apart

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> destination: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Uniforms are loaded once for several turns: lavapipe gathers each for every lane.
  var axes: array<Axis, AXES>;
  for (var a = 0u; a < AXES; a++) { // @unroll
    axes[a] = params.axes[a];
  }
  let count = params.count;
  let first = (group.x + group.y * groups.x) * 64u * TURNS + lane;
  for (var turn = 0u; turn < TURNS; turn++) { // @unroll
    let index = first + turn * 64u;
    if (index < count) {
      var rest = index * 4u;
      var at: array<u32, AXES>;
      for (var a = 0u; a < INNER; a++) { // @unroll
        at[a] = rest % axes[a].size;
        rest /= axes[a].size;
      }
      at[INNER] = rest;
      var i = params.first_in;
      var o = params.first_out;
      var inside = true;
      for (var a = 0u; a < AXES; a++) { // @unroll
        i += i32(at[a]) * axes[a].step_in;
        o += at[a] * axes[a].step_out;
        inside = inside && (a == 0u || (at[a] >= axes[a].low && at[a] < axes[a].high));
      }
      var value = vec4u(params.fill);
      for (var k = 0u; k < 4u; k++) { // @unroll
        if (inside && at[0] + k >= axes[0].low && at[0] + k < axes[0].high) {
          value[k] = source[i + i32(k) * axes[0].step_in];
        }
      }
      destination[o / 4u] = value;
    }
  }
}
