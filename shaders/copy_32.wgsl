// destination[o] = source[i], or the fill value outside of the ranges: one element of 4 bytes an invocation.
// i and o are sums of position * step over the axes.
// @use axes
const TURNS: u32 = 1; // elements of an invocation, 64 apart

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> destination: array<u32>;
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
      var rest = index;
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
        inside = inside && at[a] >= axes[a].low && at[a] < axes[a].high;
      }
      var value = params.fill;
      if (inside) {
        value = source[i];
      }
      destination[o] = value;
    }
  }
}
