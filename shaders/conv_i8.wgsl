// sum[p, n] = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, c] * w[t, c, n], in i32
// value[p, n] = clamp(round(f32(sum) * multiplier[n]) + zero, low, high), a whole number that stands for an i8,
//            or clamp(f32(sum) * multiplier[n], low, high)
// y[p, n] = program(value, other[p, n]) as i8 or f32
//
// Outside the image x is its zero point; the bias holds -x_zero * (sum of w), so that x counts from its zero point.
// x: nhwc, channels in blocks of 16; y: nhwc in blocks of 16 i8 or 4 f32;
// w: block (t * blocks + block of c) * padded + n; BIASED: the four blocks of four columns transposed, so that block q of
// them holds input channels 4 q .. 4 q + 3, each as a word of four columns.
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
const TN16: u32 = 1; // TN / 16, at least 1
const QUADS: u32 = 4; // fours of channels in each of these
const WORDS: u32 = 4; // 1 where no group has more than 4 input channels
const ROUNDED: u32 = 1; // 1 where values are whole numbers
const FLOAT_OUT: u32 = 0; // 1 where y is f32
const OTHER: u32 = 0; // what it reads beside the value: 1 for f32, 2 for i8
const BIASED: u32 = 0; // 1: products are taken of x + 128, and the bias holds -(x_zero + 128) * (sum of w)

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
  let outside = vec4u(params.x_zero);
  let flip = vec4u(BIASED * 0x80808080u);
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
  var acc: array<array<vec4i, TN4>, TM>;
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
    var b: array<vec4u, TN>;
    var columns: array<vec4i, TN * 4>;
    for (var j = 0u; j < TN; j++) { // @unroll
      b[j] = w[at + j];
    }
    if (BIASED == 1u) { // @choose
      for (var j = 0u; j < TN; j++) { // @unroll
        columns[j * 4u] = unpack4xI8(b[j].x);
        columns[j * 4u + 1u] = unpack4xI8(b[j].y);
        columns[j * 4u + 2u] = unpack4xI8(b[j].z);
        columns[j * 4u + 3u] = unpack4xI8(b[j].w);
      }
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let inside = u32(top[i] + down) < size.y && u32(left[i] + right) < size.x;
      let a = select(outside, x[select(0, start[i] + offset, inside)], inside) ^ flip;
      for (var q = 0u; q < WORDS; q++) { // @unroll
        if (BIASED == 0u) { // @choose
          for (var j = 0u; j < TN4; j++) { // @unroll
            acc[i][j].x += dot4I8Packed(a[q], b[j * 4u][q]);
            acc[i][j].y += dot4I8Packed(a[q], b[j * 4u + 1u][q]);
            acc[i][j].z += dot4I8Packed(a[q], b[j * 4u + 2u][q]);
            acc[i][j].w += dot4I8Packed(a[q], b[j * 4u + 3u][q]);
          }
        }
        if (BIASED == 1u) { // @choose
          // Compilers for CPUs multiply faster where one operand has no sign.
          let bytes = vec4i(unpack4xU8(a[q]));
          for (var j = 0u; j < TN4; j++) { // @unroll
            acc[i][j] += bytes.x * columns[j * 16u + q * 4u] + bytes.y * columns[j * 16u + q * 4u + 1u] +
              bytes.z * columns[j * 16u + q * 4u + 2u] + bytes.w * columns[j * 16u + q * 4u + 3u];
          }
        }
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
  let zero = params.zero;
  for (var k = 0u; k < COUNT; k++) { // @unroll
    immediates[k] = params.immediates[k];
  }
  for (var k = 0u; k < TN16; k++) { // @unroll
    let n16 = n0 + k * 16u;
    if (n16 < channels) {
      var summand: array<vec4i, QUADS>;
      var scale: array<vec4f, QUADS>;
      for (var q = 0u; q < QUADS; q++) { // @unroll
        summand[q] = bias[n16 / 4u + q];
        scale[q] = multiplier[n16 / 4u + q];
      }
      for (var i = 0u; i < TM; i++) { // @unroll
        let p = first + i * LANES_M;
        if (p < pixels) {
          var packed: vec4u;
          var others: vec4u;
          if (OTHER == 2u) {
            others = other[p * ((channels + 15u) / 16u) + n16 / 16u];
          }
          for (var q = 0u; q < QUADS; q++) { // @unroll
            let n = n16 + q * 4u;
            let sum = summand[q] + acc[i][k * 4u + q];
            var value = vec4f(sum) * scale[q];
            if (ROUNDED == 1u) {
              value = round(value) + zero;
            }
            var companion = vec4f(unpack4xI8(others[q]));
            if (OTHER == 1u) {
              companion = bitcast<vec4f>(other[p * ((channels + 3u) / 4u) + n / 4u]);
            }
            let result = finish(min(max(value, low), high), companion);
            if (FLOAT_OUT == 0u) {
              packed[q] = pack4xI8(vec4i(result));
            } else if (n < channels) {
              let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(channels);
              y[p * y_blocks + n / 4u] = bitcast<vec4u>(select(vec4f(), result, exists));
            }
          }
          if (FLOAT_OUT == 0u) {
            y[(p * y_blocks + n16 / 4u) / 4u] = packed;
          }
        }
      }
    }
  }
}
