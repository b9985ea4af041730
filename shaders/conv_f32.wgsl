// y[p, n] = program(clamp(sum, low, high), other[p, n]),
// sum = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, c] * w[t, c, n]
//
// x, y: nhwc, channels in blocks of 4; w: block (t * blocks + block of c) * padded + n; bias: padded to whole tiles.
// An invocation owns TM pixels, LANES_M apart, and TN adjacent channels of one group. Lanes run along pixels first, then
// along tiles of channels.
// @use steps
// @use finish
const LANES: u32 = 8; // LANES_M * LANES_N
const LANES_M: u32 = 8;
const LANES_N: u32 = 1;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;
const OTHER: u32 = 0; // 1 where it reads the other input

struct Params {
  pixels: u32,
  channels: u32,
  padded: u32,
  group_channels: u32,
  blocks: u32,
  x_blocks: u32,
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
  // Uniforms are loaded once: lavapipe gathers them anew for each lane and turn of a loop.
  let size = vec2u(params.width, params.height);
  let out_size = vec2u(params.out_width, params.out_height);
  let stride = vec2u(params.stride_x, params.stride_y);
  let pad = vec2i(params.pad_x, params.pad_y);
  let dilation = vec2u(params.dilation_x, params.dilation_y);
  let x_blocks = i32(params.x_blocks);
  let row_blocks = i32(size.x) * x_blocks;
  let kernel_x = params.kernel_x;
  let blocks = params.blocks;
  let padded = params.padded;
  let pixels = params.pixels;
  let first = (group.y * grid.x + group.x) * LANES_M * TM + lane % LANES_M;
  let n0 = (group.z * LANES_N + lane / LANES_M) * TN;
  let from_block = n0 / params.group_channels * blocks;
  var top: array<i32, TM>;
  var left: array<i32, TM>;
  var start: array<i32, TM>;
  for (var i = 0u; i < TM; i++) { // @unroll
    let p = min(first + i * LANES_M, pixels - 1u);
    let row = p / out_size.x;
    let image = row / out_size.y;
    top[i] = i32((row - image * out_size.y) * stride.y) - pad.y;
    left[i] = i32((p - row * out_size.x) * stride.x) - pad.x;
    start[i] = (i32(image * size.y) + top[i]) * row_blocks + left[i] * x_blocks + i32(from_block);
  }
  var acc: array<array<vec4f, TN4>, TM>;
  var ky = 0u;
  var kx = 0u;
  var c = 0u;
  var at = n0;
  // One flat loop: lavapipe copies every accumulator at each turn of each loop around it.
  let steps = params.kernel_y * kernel_x * blocks;
  for (var step = 0u; step < steps; step++) {
    let down = i32(ky * dilation.y);
    let right = i32(kx * dilation.x);
    let offset = down * row_blocks + right * x_blocks + i32(c);
    // Four columns at once: a quarter of the text to compile.
    var b: array<mat4x4f, TN4>;
    for (var j = 0u; j < TN4; j++) { // @unroll
      b[j] = mat4x4f(w[at + j * 4u], w[at + j * 4u + 1u], w[at + j * 4u + 2u], w[at + j * 4u + 3u]);
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let inside = u32(top[i] + down) < size.y && u32(left[i] + right) < size.x;
      let a = select(vec4f(), x[select(0, start[i] + offset, inside)], inside);
      for (var j = 0u; j < TN4; j++) { // @unroll
        acc[i][j] += a * b[j];
      }
    }
    at += padded;
    c += 1u;
    let next_column = c == blocks;
    c = select(c, 0u, next_column);
    kx += u32(next_column);
    let next_row = kx == kernel_x;
    kx = select(kx, 0u, next_row);
    ky += u32(next_row);
  }
  let channels = params.channels;
  let y_blocks = params.y_blocks;
  let low = vec4f(params.low);
  let high = vec4f(params.high);
  for (var k = 0u; k < COUNT; k++) { // @unroll
    immediates[k] = params.immediates[k];
  }
  for (var j = 0u; j < TN4; j++) { // @unroll
    let n = n0 + j * 4u;
    let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(channels);
    let b = bias[n / 4u];
    for (var i = 0u; i < TM; i++) { // @unroll
      let p = first + i * LANES_M;
      if (p < pixels && n < channels) {
        let sum = b + acc[i][j];
        let to = p * y_blocks + n / 4u;
        var companion: vec4f;
        if (OTHER == 1u) {
          companion = other[to];
        }
        y[to] = select(vec4f(), finish(min(max(sum, low), high), companion), exists);
      }
    }
  }
}
