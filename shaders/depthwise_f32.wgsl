// y[p, c] = clamp(bias[c] + sum over taps t of x[p * stride - pad + t * dilation, c] * w[t, c], low, high)
//
// x, y: nhwc, channels in blocks of 4; w: block t * blocks + block of c. Taps of a row lie side by side.
// An invocation owns one block of channels and COLUMNS adjacent output columns; lanes run along the blocks.
const LANES: u32 = 8;
const COLUMNS: u32 = 4;
const KERNEL_X: u32 = 3;
const STRIDE_X: u32 = 1;
const LOADED: u32 = 6; // (COLUMNS - 1) * STRIDE_X + KERNEL_X input columns

struct Params {
  items: u32,
  channels: u32,
  blocks: u32,
  strips: u32,
  y_blocks: u32,
  height: u32,
  width: u32,
  out_height: u32,
  out_width: u32,
  kernel_y: u32,
  kernel_x: u32,
  stride_y: u32,
  stride_x: u32,
  pad_y: i32,
  pad_x: i32,
  dilation_y: u32,
  dilation_x: u32,
  low: f32,
  high: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = (group.y * grid.x + group.x) * LANES + lane;
  if (item >= params.items) {
    return;
  }
  let block = item % params.blocks;
  let strip = item / params.blocks;
  let out_column = strip % params.strips * COLUMNS;
  let out_row = strip / params.strips;
  let image = out_row / params.out_height * params.height;
  let top = i32(out_row % params.out_height * params.stride_y) - params.pad_y;
  let left = i32(out_column * STRIDE_X) - params.pad_x;
  var acc: array<vec4f, COLUMNS>;
  for (var ky = 0u; ky < params.kernel_y; ky++) {
    let row = u32(top + i32(ky * params.dilation_y));
    if (row < params.height) {
      var loaded: array<vec4f, LOADED>;
      for (var i = 0u; i < LOADED; i++) { // @unroll
        let column = u32(left + i32(i));
        let at = ((image + row) * params.width + min(column, params.width - 1u)) * params.blocks + block;
        loaded[i] = select(vec4f(), x[at], column < params.width);
      }
      for (var kx = 0u; kx < KERNEL_X; kx++) { // @unroll
        let texel = (ky * KERNEL_X + kx) * params.blocks + block;
        let b = w[texel];
        for (var i = 0u; i < COLUMNS; i++) { // @unroll
          acc[i] += loaded[i * STRIDE_X + kx] * b;
        }
      }
    }
  }
  let n = block * 4u;
  let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.channels);
  for (var i = 0u; i < COLUMNS; i++) { // @unroll
    if (out_column + i < params.out_width) {
      let result = min(max(acc[i] + bias[block], vec4f(params.low)), vec4f(params.high));
      y[(out_row * params.out_width + out_column + i) * params.y_blocks + block] = select(vec4f(), result, exists);
    }
  }
}
