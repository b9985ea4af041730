// y[p, c] = program(clamp(sum, low, high), other[p, c]),
// sum = bias[c] + sum over taps t of x[p * stride - pad + t * dilation, c] * w[t, c]
//
// x, y, other: nhwc, channels in blocks of 4; w: block t * blocks + block of c. Taps of a row lie side by side.
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
const OTHER: u32 = 0; // 1 where it reads the other input

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
  immediates: array<vec4f, 8>, // p, q of each step
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> other: array<vec4f>; // as y
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

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
  var window: array<vec4f, WINDOW>;
  for (var r = 0u; r < LOADED_Y; r++) { // @unroll
    let row = u32(top + i32(r));
    for (var k = 0u; k < LOADED_X; k++) { // @unroll
      let column = u32(left + i32(k));
      let inside = row < size.y && column < size.x;
      let at = select(0u, ((image_row + row) * size.x + column) * blocks + block, inside);
      window[r * LOADED_X + k] = select(vec4f(), x[at], inside);
    }
  }
  var acc: array<vec4f, RESULTS>;
  for (var ky = 0u; ky < KERNEL_Y; ky++) { // @unroll
    for (var kx = 0u; kx < KERNEL_X; kx++) { // @unroll
      let tap = w[(ky * KERNEL_X + kx) * blocks + block];
      for (var r = 0u; r < ROWS; r++) { // @unroll
        for (var i = 0u; i < COLUMNS; i++) { // @unroll
          acc[r * COLUMNS + i] += window[(r * STRIDE_Y + ky * DILATION_Y) * LOADED_X + i * STRIDE_X + kx] * tap;
        }
      }
    }
  }
  for (var k = 0u; k < COUNT; k++) { // @unroll
    immediates[k] = params.immediates[k];
  }
  let n = block * 4u;
  let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.channels);
  let low = vec4f(params.low);
  let high = vec4f(params.high);
  let summand = bias[block];
  let y_blocks = params.y_blocks;
  let first = (image * out_size.y + out_row) * out_size.x + out_column;
  for (var r = 0u; r < ROWS; r++) { // @unroll
    for (var i = 0u; i < COLUMNS; i++) { // @unroll
      if (out_row + r < out_size.y && out_column + i < out_size.x) {
        let to = (first + r * out_size.x + i) * y_blocks + block;
        var companion: vec4f;
        if (OTHER == 1u) {
          companion = other[to];
        }
        let value = min(max(acc[r * COLUMNS + i] + summand, low), high);
        y[to] = select(vec4f(), finish(value, companion), exists);
      }
    }
  }
}
