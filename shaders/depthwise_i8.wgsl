// sum[p, c] = bias[c] + sum over taps t of x[p * stride - pad + t * dilation, c] * w[t, c], in i32
// value[p, c] = clamp(round(f32(sum) * multiplier[c]) + zero, low, high), a whole number that stands for an i8,
//            or clamp(f32(sum) * multiplier[c], low, high)
// y[p, c] = program(value, other[p, c]) as i8 or f32
//
// Outside the image x is its zero point; the bias holds -x_zero * (sum of w), so that x counts from its zero point.
// x: nhwc, channels in blocks of 16; y, other: nhwc in blocks of 16 i8 or 4 f32; w: block t * blocks + block of c.
// An invocation owns one block of channels of ROWS x COLUMNS adjacent results; lanes run along the blocks.
// @use steps
// @use finish
const LANES: u32 = 8;
const ROWS: u32 = 2;
const COLUMNS: u32 = 4;
const KERNEL_Y: u32 = 3;
const KERNEL_X: u32 = 3;
const STRIDE_Y: u32 = 1;
const STRIDE_X: u32 = 1;
const DILATION_Y: u32 = 1;
const LOADED_Y: u32 = 4; // (ROWS - 1) * STRIDE_Y + (KERNEL_Y - 1) * DILATION_Y + 1 input rows
const LOADED_X: u32 = 6; // (COLUMNS - 1) * STRIDE_X + KERNEL_X input columns
const RESULTS: u32 = 8; // ROWS * COLUMNS
const WINDOW: u32 = 24; // LOADED_Y * LOADED_X
const TAPS: u32 = 9; // KERNEL_Y * KERNEL_X
const ROUNDED: u32 = 1; // 1 where values are whole numbers
const FLOAT_OUT: u32 = 0; // 1 where y is f32
const OTHER: u32 = 0; // what it reads beside the value: 1 for f32, 2 for i8
const BIASED: u32 = 0; // 1: products are taken of x + 128, and the bias holds -(x_zero + 128) * (sum of w)

struct Params {
  items: u32,
  channels: u32,
  blocks: u32,
  strips: u32, // of a row
  row_strips: u32, // of an image
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
  zero: f32,
  x_zero: u32,
  immediates: array<vec4f, 8>, // p, q of each step
}

@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> w: array<vec4u>;
@group(0) @binding(2) var<storage, read> bias: array<vec4i>;
@group(0) @binding(3) var<storage, read> multiplier: array<vec4f>;
@group(0) @binding(4) var<storage, read> other: array<vec4u>; // nhwc in blocks of 16 i8 or 4 f32
@group(0) @binding(5) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(6) var<uniform> params: Params;

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
  let blocks = params.blocks;
  let size = vec2u(params.width, params.height);
  let out_size = vec2u(params.out_width, params.out_height);
  let block = item % blocks;
  let strip = item / blocks;
  let out_column = strip % params.strips * COLUMNS;
  let row_strip = strip / params.strips;
  let image = row_strip / params.row_strips;
  let out_row = row_strip % params.row_strips * ROWS;
  let top = i32(out_row * STRIDE_Y) - params.pad_y;
  let left = i32(out_column * STRIDE_X) - params.pad_x;
  let image_row = image * size.y;
  let outside = vec4u(params.x_zero);
  let flip = vec4u(BIASED * 0x80808080u);
  var window: array<vec4u, WINDOW>;
  for (var r = 0u; r < LOADED_Y; r++) { // @unroll
    let row = u32(top + i32(r));
    for (var k = 0u; k < LOADED_X; k++) { // @unroll
      let column = u32(left + i32(k));
      let inside = row < size.y && column < size.x;
      let at = select(0u, ((image_row + row) * size.x + column) * blocks + block, inside);
      window[r * LOADED_X + k] = select(outside, x[at], inside) ^ flip;
    }
  }
  var taps: array<vec4u, TAPS>;
  for (var t = 0u; t < TAPS; t++) { // @unroll
    taps[t] = w[t * blocks + block];
  }
  for (var k = 0u; k < COUNT; k++) { // @unroll
    immediates[k] = params.immediates[k];
  }
  let channels = params.channels;
  let low = vec4f(params.low);
  let high = vec4f(params.high);
  let zero = params.zero;
  let y_blocks = params.y_blocks;
  let first = (image * out_size.y + out_row) * out_size.x + out_column;
  var packed: array<vec4u, RESULTS>;
  for (var q = 0u; q < 4u; q++) { // @unroll
    var bytes: array<vec4i, WINDOW>;
    for (var i = 0u; i < WINDOW; i++) { // @unroll
      if (BIASED == 1u) {
        bytes[i] = vec4i(unpack4xU8(window[i][q]));
      } else {
        bytes[i] = unpack4xI8(window[i][q]);
      }
    }
    var acc: array<vec4i, RESULTS>;
    for (var ky = 0u; ky < KERNEL_Y; ky++) { // @unroll
      for (var kx = 0u; kx < KERNEL_X; kx++) { // @unroll
        let tap = unpack4xI8(taps[ky * KERNEL_X + kx][q]);
        for (var r = 0u; r < ROWS; r++) { // @unroll
          for (var i = 0u; i < COLUMNS; i++) { // @unroll
            acc[r * COLUMNS + i] += bytes[(r * STRIDE_Y + ky * DILATION_Y) * LOADED_X + i * STRIDE_X + kx] * tap;
          }
        }
      }
    }
    let n = block * 16u + q * 4u;
    let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(channels);
    let summand = bias[block * 4u + q];
    let scale = multiplier[block * 4u + q];
    for (var r = 0u; r < ROWS; r++) { // @unroll
      for (var i = 0u; i < COLUMNS; i++) { // @unroll
        let inside = out_row + r < out_size.y && out_column + i < out_size.x;
        let p = first + r * out_size.x + i;
        var value = vec4f(acc[r * COLUMNS + i] + summand) * scale;
        if (ROUNDED == 1u) {
          value = round(value) + zero;
        }
        var companion: vec4f;
        if (OTHER == 1u) {
          companion = bitcast<vec4f>(other[select(0u, p * ((channels + 3u) / 4u) + n / 4u, inside && n < channels)]);
        } else if (OTHER == 2u) {
          companion = vec4f(unpack4xI8(other[select(0u, p * blocks + block, inside)][q]));
        }
        let result = finish(min(max(value, low), high), companion);
        if (FLOAT_OUT == 0u) {
          packed[r * COLUMNS + i][q] = pack4xI8(vec4i(result));
        } else if (inside && n < channels) {
          y[p * y_blocks + n / 4u] = bitcast<vec4u>(select(vec4f(), result, exists));
        }
      }
    }
  }
  if (FLOAT_OUT == 0u) {
    for (var r = 0u; r < ROWS; r++) { // @unroll
      for (var i = 0u; i < COLUMNS; i++) { // @unroll
        if (out_row + r < out_size.y && out_column + i < out_size.x) {
          y[(first + r * out_size.x + i) * (y_blocks / 4u) + block] = packed[r * COLUMNS + i];
        }
      }
    }
  }
}
