// Generated from shaders/*.wgsl by "deno task shaders".
/** The WGSL source of every kernel. @module */

/** The name of a kernel. */
export type ShaderName =
  | "conv_direct_f32"
  | "conv_direct_i8"
  | "conv_f32"
  | "conv_i8"
  | "copy_128"
  | "copy_32"
  | "copy_32x4"
  | "copy_8"
  | "copy_8x16"
  | "copy_8x4"
  | "depthwise_f32"
  | "depthwise_i8"
  | "gather_128"
  | "gather_32"
  | "gather_8"
  | "histogram_f32"
  | "layer_norm_f32"
  | "layer_norm_i8"
  | "matmul_f32"
  | "matmul_i8"
  | "max_pool_8"
  | "moments_f32"
  | "peak_copy"
  | "peak_f32"
  | "peak_i8"
  | "pointwise"
  | "pool_f32"
  | "reduce_f32"
  | "reduce_f32x4"
  | "softmax_f32"
  | "softmax_f32x4"
  | "softmax_i8";

/** WGSL source by kernel name. */
export const SHADERS: Readonly<Record<ShaderName, string>> = {
  conv_direct_f32: `// y[p, n] = clamp(sum, low, high),
// sum = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, g(n), c] * w[t, c, n]
//
// g(n) = n / outputs a group. x, y: nhwc, channels padded to blocks of 4;
// w: element (t * inputs a group + c) * padded + n.
// For groups that are no whole blocks. An invocation owns four adjacent output channels of one pixel.
const LANES: u32 = 8;

struct Params {
  items: u32,
  channels: u32,
  blocks: u32,
  group_outputs: u32,
  group_inputs: u32,
  x_channels: u32,
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

@group(0) @binding(0) var<storage, read> x: array<f32>;
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
  let p = item / params.blocks;
  let out_row = p / params.out_width;
  let image = out_row / params.out_height * params.height;
  let top = i32(out_row % params.out_height * params.stride_y) - params.pad_y;
  let left = i32(p % params.out_width * params.stride_x) - params.pad_x;
  let n = vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u);
  let from_channel = min(n, vec4u(params.channels - 1u)) / params.group_outputs * params.group_inputs;
  var sum = bias[block];
  for (var ky = 0u; ky < params.kernel_y; ky++) {
    for (var kx = 0u; kx < params.kernel_x; kx++) {
      let row = u32(top + i32(ky * params.dilation_y));
      let column = u32(left + i32(kx * params.dilation_x));
      if (row < params.height && column < params.width) {
        let tap = (ky * params.kernel_x + kx) * params.group_inputs;
        let at = vec4u(((image + row) * params.width + column) * params.x_channels) + from_channel;
        for (var c = 0u; c < params.group_inputs; c++) {
          sum += vec4f(x[at.x + c], x[at.y + c], x[at.z + c], x[at.w + c]) * w[(tap + c) * params.blocks + block];
        }
      }
    }
  }
  let result = min(max(sum, vec4f(params.low)), vec4f(params.high));
  y[p * params.y_blocks + block] = select(vec4f(), result, n < vec4u(params.channels));
}
`,
  conv_direct_i8: `// sum[p, n] = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, g(n), c] * w[t, c, n],
//             in i32
// y[p, n] = clamp(round(f32(sum) * multiplier[n]) + zero, low, high) as i8,
//        or clamp(f32(sum) * multiplier[n], low, high) as f32
//
// g(n) = n / outputs a group. Outside the image x is its zero point; the bias holds -x_zero * (sum of w).
// x: nhwc, channels padded to blocks of 16; y: nhwc in blocks of 16 i8 or 4 f32;
// w: byte (t * inputs a group + c) * padded + n.
// For groups that are no whole blocks. An invocation owns four adjacent output channels of one pixel.
const LANES: u32 = 8;
const FLOAT_OUT: u32 = 0;

struct Params {
  items: u32,
  channels: u32,
  blocks: u32,
  group_outputs: u32,
  group_inputs: u32,
  x_channels: u32,
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
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(2) var<storage, read> bias: array<vec4i>;
@group(0) @binding(3) var<storage, read> multiplier: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

fn byte(at: u32) -> i32 {
  return extractBits(i32(x[at / 4u]), at % 4u * 8u, 8u);
}

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
  let p = item / params.blocks;
  let out_row = p / params.out_width;
  let image = out_row / params.out_height * params.height;
  let top = i32(out_row % params.out_height * params.stride_y) - params.pad_y;
  let left = i32(p % params.out_width * params.stride_x) - params.pad_x;
  let n = vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u);
  let from_channel = min(n, vec4u(params.channels - 1u)) / params.group_outputs * params.group_inputs;
  let outside = unpack4xI8(params.x_zero);
  var sum = bias[block];
  for (var ky = 0u; ky < params.kernel_y; ky++) {
    for (var kx = 0u; kx < params.kernel_x; kx++) {
      let row = u32(top + i32(ky * params.dilation_y));
      let column = u32(left + i32(kx * params.dilation_x));
      let inside = row < params.height && column < params.width;
      let tap = (ky * params.kernel_x + kx) * params.group_inputs;
      let pixel = select(0u, ((image + row) * params.width + column) * params.x_channels, inside);
      let at = vec4u(pixel) + from_channel;
      for (var c = 0u; c < params.group_inputs; c++) {
        let a = vec4i(byte(at.x + c), byte(at.y + c), byte(at.z + c), byte(at.w + c));
        sum += select(outside, a, inside) * unpack4xI8(w[(tap + c) * params.blocks + block]);
      }
    }
  }
  let real = vec4f(sum) * multiplier[block];
  let at = p * params.y_blocks + block;
  if (FLOAT_OUT == 1u) {
    let bounded = min(max(real, vec4f(params.low)), vec4f(params.high));
    let result = select(vec4f(), bounded, n < vec4u(params.channels));
    y[at * 4u] = bitcast<u32>(result.x);
    y[at * 4u + 1u] = bitcast<u32>(result.y);
    y[at * 4u + 2u] = bitcast<u32>(result.z);
    y[at * 4u + 3u] = bitcast<u32>(result.w);
  } else {
    let result = min(max(round(real) + params.zero, vec4f(params.low)), vec4f(params.high));
    y[at] = pack4xI8(vec4i(result));
  }
}
`,
  conv_f32: `// y[p, n] = program(clamp(sum, low, high), other[p, n]),
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
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
// @file lib/finish
// What linear kernels do with their results: a program of COUNT steps on a value and on the other input at its place.
// Kernels fill \`immediates\` before they call \`finish\`; they use steps.wgsl too.
const COUNT: u32 = 0;

var<private> immediates: array<vec4f, 8>;

// Runs the program on four results, and on the other input's elements at their place.
fn finish(value: vec4f, companion: vec4f) -> vec4f {
  if (COUNT == 0u) {
    return value;
  }
  var r: array<vec4f, COUNT + 2>;
  r[0] = value;
  r[1] = companion;
  for (var k = 0u; k < COUNT; k++) { // @unroll
    r[k + 2u] = apply(STEPS[k] & 255u, r[(STEPS[k] >> 8u) & 255u], r[STEPS[k] >> 16u], immediates[k].x, immediates[k].y);
  }
  return r[COUNT + 1u];
}
`,
  conv_i8: `// sum[p, n] = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, c] * w[t, c, n], in i32
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
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
// @file lib/finish
// What linear kernels do with their results: a program of COUNT steps on a value and on the other input at its place.
// Kernels fill \`immediates\` before they call \`finish\`; they use steps.wgsl too.
const COUNT: u32 = 0;

var<private> immediates: array<vec4f, 8>;

// Runs the program on four results, and on the other input's elements at their place.
fn finish(value: vec4f, companion: vec4f) -> vec4f {
  if (COUNT == 0u) {
    return value;
  }
  var r: array<vec4f, COUNT + 2>;
  r[0] = value;
  r[1] = companion;
  for (var k = 0u; k < COUNT; k++) { // @unroll
    r[k + 2u] = apply(STEPS[k] & 255u, r[(STEPS[k] >> 8u) & 255u], r[STEPS[k] >> 16u], immediates[k].x, immediates[k].y);
  }
  return r[COUNT + 1u];
}
`,
  copy_128: `// destination[o] = source[i], or the fill value outside of the ranges: one block of 16 bytes an invocation.
// i and o are sums of position * step over the axes, in blocks.
// @use axes
const TURNS: u32 = 1; // blocks of an invocation, 64 apart

@group(0) @binding(0) var<storage, read> source: array<vec4u>;
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
      var value = vec4u(params.fill);
      if (inside) {
        value = source[i];
      }
      destination[o] = value;
    }
  }
}
// @file lib/axes
// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
`,
  copy_32: `// destination[o] = source[i], or the fill value outside of the ranges: one element of 4 bytes an invocation.
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
// @file lib/axes
// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
`,
  copy_32x4: `// destination[o] = source[i], or the fill value outside of the ranges: four elements of 4 bytes an invocation,
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
// @file lib/axes
// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
`,
  copy_8: `// destination[o] = source[i], or the fill value outside of the ranges, in bytes: four bytes, one word, an invocation.
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
// @file lib/axes
// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
`,
  copy_8x16: `// destination[o] = source[i], or the fill value outside of the range of axis 0, in bytes: 16 x 4 an invocation.
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
// @file lib/axes
// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
`,
  copy_8x4: `// destination[o] = source[i], or the fill value outside of the range of axis 0, in bytes: 4 x 4 an invocation.
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
// @file lib/axes
// The axes of a strided copy.
const AXES: u32 = 2;
const INNER: u32 = 1; // AXES - 1

struct Axis {
  @align(16) size: u32,
  step_in: i32,
  step_out: u32,
  low: u32, // positions in [low, high) are read
  high: u32,
}

struct Params {
  count: u32,
  first_in: i32,
  first_out: u32,
  fill: u32,
  axes: array<Axis, 6>, // innermost first
}
`,
  depthwise_f32: `// y[p, c] = program(clamp(sum, low, high), other[p, c]),
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
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
// @file lib/finish
// What linear kernels do with their results: a program of COUNT steps on a value and on the other input at its place.
// Kernels fill \`immediates\` before they call \`finish\`; they use steps.wgsl too.
const COUNT: u32 = 0;

var<private> immediates: array<vec4f, 8>;

// Runs the program on four results, and on the other input's elements at their place.
fn finish(value: vec4f, companion: vec4f) -> vec4f {
  if (COUNT == 0u) {
    return value;
  }
  var r: array<vec4f, COUNT + 2>;
  r[0] = value;
  r[1] = companion;
  for (var k = 0u; k < COUNT; k++) { // @unroll
    r[k + 2u] = apply(STEPS[k] & 255u, r[(STEPS[k] >> 8u) & 255u], r[STEPS[k] >> 16u], immediates[k].x, immediates[k].y);
  }
  return r[COUNT + 1u];
}
`,
  depthwise_i8: `// sum[p, c] = bias[c] + sum over taps t of x[p * stride - pad + t * dilation, c] * w[t, c], in i32
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
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
// @file lib/finish
// What linear kernels do with their results: a program of COUNT steps on a value and on the other input at its place.
// Kernels fill \`immediates\` before they call \`finish\`; they use steps.wgsl too.
const COUNT: u32 = 0;

var<private> immediates: array<vec4f, 8>;

// Runs the program on four results, and on the other input's elements at their place.
fn finish(value: vec4f, companion: vec4f) -> vec4f {
  if (COUNT == 0u) {
    return value;
  }
  var r: array<vec4f, COUNT + 2>;
  r[0] = value;
  r[1] = companion;
  for (var k = 0u; k < COUNT; k++) { // @unroll
    r[k + 2u] = apply(STEPS[k] & 255u, r[(STEPS[k] >> 8u) & 255u], r[STEPS[k] >> 16u], immediates[k].x, immediates[k].y);
  }
  return r[COUNT + 1u];
}
`,
  gather_128: `// y[o, a, b, i] = x[o, rows[a], columns[b], i], one block of 16 bytes an invocation.
const TABLES: u32 = 2; // 1 where all columns are 0

struct Params {
  count: u32, // blocks of y
  inner: u32,
  a: u32, // rows of y
  b: u32, // columns of y
  outer_step: u32,
  row_step: u32,
  column_step: u32,
  rows: i32, // rows of x: indices may count from the end
}

@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> table: array<i32>; // rows, then columns
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(3) var<uniform> params: Params;

// Where an element of y comes from.
fn place(index: u32) -> u32 {
  let i = index % params.inner;
  var rest = index / params.inner;
  var column = 0u;
  if (TABLES == 2u) {
    column = u32(table[params.a + rest % params.b]);
    rest /= params.b;
  }
  var row = table[rest % params.a];
  row = clamp(select(row, row + params.rows, row < 0), 0, params.rows - 1);
  return rest / params.a * params.outer_step + u32(row) * params.row_step + column * params.column_step + i;
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
  y[index] = x[place(index)];
}
`,
  gather_32: `// y[o, a, b, i] = x[o, rows[a], columns[b], i], one element of 4 bytes an invocation.
const TABLES: u32 = 2; // 1 where all columns are 0

struct Params {
  count: u32, // elements of y
  inner: u32,
  a: u32, // rows of y
  b: u32, // columns of y
  outer_step: u32,
  row_step: u32,
  column_step: u32,
  rows: i32, // rows of x: indices may count from the end
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<i32>; // rows, then columns
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

// Where an element of y comes from.
fn place(index: u32) -> u32 {
  let i = index % params.inner;
  var rest = index / params.inner;
  var column = 0u;
  if (TABLES == 2u) {
    column = u32(table[params.a + rest % params.b]);
    rest /= params.b;
  }
  var row = table[rest % params.a];
  row = clamp(select(row, row + params.rows, row < 0), 0, params.rows - 1);
  return rest / params.a * params.outer_step + u32(row) * params.row_step + column * params.column_step + i;
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
  y[index] = x[place(index)];
}
`,
  gather_8: `// y[o, a, b, i] = x[o, rows[a], columns[b], i], in bytes: four, one word, an invocation.
const TABLES: u32 = 2; // 1 where all columns are 0

struct Params {
  count: u32, // words of y
  inner: u32,
  a: u32, // rows of y
  b: u32, // columns of y
  outer_step: u32,
  row_step: u32,
  column_step: u32,
  rows: i32, // rows of x: indices may count from the end
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<i32>; // rows, then columns
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

// Where an element of y comes from.
fn place(index: u32) -> u32 {
  let i = index % params.inner;
  var rest = index / params.inner;
  var column = 0u;
  if (TABLES == 2u) {
    column = u32(table[params.a + rest % params.b]);
    rest /= params.b;
  }
  var row = table[rest % params.a];
  row = clamp(select(row, row + params.rows, row < 0), 0, params.rows - 1);
  return rest / params.a * params.outer_step + u32(row) * params.row_step + column * params.column_step + i;
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
  var word = 0u;
  for (var k = 0u; k < 4u; k++) { // @unroll
    let at = place(index * 4u + k);
    word |= ((x[at >> 2u] >> ((at & 3u) * 8u)) & 255u) << (k * 8u);
  }
  y[index] = word;
}
`,
  histogram_f32: `// counts[k, b] += how many x[k, r] lie in bin b. The axes of x in memory are k0 r0 k1 r1 k2.
// Bins are told by the bits of a number: its sign, its exponent and the leading bits of its mantissa. Of every \`stride\`
// blocks of four along r one is counted. Zeros are counted apart: behind a Relu they are half of all, and atomics are slow.
const FOURS: u32 = 1; // 1 where r counts blocks of four along r1, and steps are in blocks too
const PARTS: u32 = 1; // workgroups that share the work of one k

const HALF: u32 = 1536u; // bins of one sign
const LOWEST: u32 = 3296u; // the least magnitude told apart, by its leading 13 bits behind the sign

struct Params {
  count: u32, // rows k of counts
  reduced: u32, // r0 * r1
  k1: u32,
  k2: u32,
  r1: u32,
  k0_step: u32,
  k1_step: u32,
  k2_step: u32,
  r0_step: u32,
  r1_step: u32,
  width: u32, // elements along r1
  stride: u32,
  taken: u32, // blocks, or elements, that are counted
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> own: array<atomic<u32>, 2u * HALF>;

// Counts a number, and returns 1 where it is zero, which is left to the caller.
fn note(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits << 1u) == 0u) {
    return 1u;
  }
  let step = clamp((bits & 0x7fffffffu) >> 18u, LOWEST, LOWEST + HALF - 1u) - LOWEST;
  atomicAdd(&own[select(HALF + step, HALF - 1u - step, bits >= 0x80000000u)], 1u);
  return 0u;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.x + group.y * groups.x) / PARTS;
  let part = (group.x + group.y * groups.x) % PARTS;
  let k2 = index % params.k2;
  let rest = index / params.k2;
  let k1 = rest % params.k1;
  let k0 = rest / params.k1;
  if (index < params.count) {
    let first = k0 * params.k0_step + k1 * params.k1_step + k2 * params.k2_step;
    var zeros = 0u;
    for (var turn = part * 64u + lane; turn < params.taken; turn += PARTS * 64u) {
      if (FOURS == 1u) { // @choose
        let r = turn * params.stride;
        let column = r % params.r1;
        let value = x[first + r / params.r1 * params.r0_step + column];
        zeros += note(value.x);
        if (4u * column + 4u <= params.width) {
          zeros += note(value.y) + note(value.z) + note(value.w);
        } else {
          if (4u * column + 1u < params.width) {
            zeros += note(value.y);
          }
          if (4u * column + 2u < params.width) {
            zeros += note(value.z);
          }
        }
      }
      if (FOURS == 0u) { // @choose
        let r = turn / 4u * params.stride * 4u + turn % 4u;
        if (r < params.reduced) {
          let at = first + r / params.r1 * params.r0_step + r % params.r1 * params.r1_step;
          let value = x[at >> 2u];
          zeros += note(value[at & 3u]);
        }
      }
    }
    if (zeros > 0u) {
      atomicAdd(&own[HALF], zeros);
    }
  }
  workgroupBarrier();
  if (index >= params.count) {
    return;
  }
  for (var bin = lane; bin < 2u * HALF; bin += 64u) {
    let found = atomicLoad(&own[bin]);
    if (found > 0u) {
      atomicAdd(&counts[index * 2u * HALF + bin], found);
    }
  }
}
`,
  layer_norm_f32: `// y[k, r] = (x[k, r] - mean) / sqrt(variance + epsilon) * scale[r] + bias[r], mean and variance taken over r; with ADDED
// the sum x + added takes the place of x. y lies as x.
// @use layer_norm

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
  epsilon: f32,
}

@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let first = row * params.step;
  let end = select(0u, params.step, row < params.count);
  let own = statistics(first, end, lane);
  for (var r = lane % SHARE; r < end; r += SHARE) {
    y[first + r] = normalized(first, r, own);
  }
}
// @file lib/layer_norm
// Layer normalization for kernels with the line "// @use layer_norm": the statistics of a row, and its elements. The axes of
// x and added in memory are k r, and the elements are read in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE
const BIAS: u32 = 1; // 0 where there is no bias
const ADDED: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> added: array<vec4f>;

var<workgroup> parts: array<f32, 64>;

fn summand(block: u32) -> vec4f {
  if (ADDED == 1u) {
    return x[block] + added[block];
  }
  return x[block];
}

fn exists(block: u32) -> vec4<bool> {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
}

// The mean of the row of fours [first, first + end), and 1 / sqrt(variance + epsilon).
fn statistics(first: u32, end: u32, lane: u32) -> vec2f {
  let start = lane % SHARE;
  let head = lane - start;
  var sums = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    sums += summand(first + r);
  }
  var mean = sums.x + sums.y + sums.z + sums.w;
  if (SHARE > 1u) {
    parts[lane] = mean;
    workgroupBarrier();
    mean = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      mean += parts[head + i];
    }
    workgroupBarrier();
  }
  mean /= f32(params.length);
  var squares = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    let distance = select(vec4f(0.0), summand(first + r) - mean, exists(r));
    squares += distance * distance;
  }
  var variance = squares.x + squares.y + squares.z + squares.w;
  if (SHARE > 1u) {
    parts[lane] = variance;
    workgroupBarrier();
    variance = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      variance += parts[head + i];
    }
  }
  variance /= f32(params.length);
  return vec2f(mean, 1.0 / sqrt(variance + params.epsilon));
}

// Four results of a row, zero in the padding.
fn normalized(first: u32, r: u32, row: vec2f) -> vec4f {
  var value = (summand(first + r) - row.x) * row.y * scale[r];
  if (BIAS == 1u) {
    value += bias[r];
  }
  return select(vec4f(0.0), value, exists(r));
}
`,
  layer_norm_i8: `// y as layer_norm_f32 gives it, and z = clamp(round(y / z_scale) + z_zero, -128, 127), r in blocks of 16
// @use layer_norm
// @use steps

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
  epsilon: f32,
  z_scale: f32,
  z_zero: f32,
}

@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> z: array<vec4u>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let first = row * params.step;
  let end = select(0u, params.step, row < params.count);
  let own = statistics(first, end, lane);
  let blocks = (params.step + 3u) / 4u;
  for (var block = lane % SHARE; block * 4u < end; block += SHARE) {
    var packed: vec4u;
    for (var q = 0u; q < 4u; q++) { // @unroll
      let r = block * 4u + q;
      if (r < end) {
        let value = normalized(first, r, own);
        y[first + r] = value;
        packed[q] = pack4xI8(vec4i(quantize(value, params.z_scale, params.z_zero)));
      }
    }
    z[row * blocks + block] = packed;
  }
}
// @file lib/layer_norm
// Layer normalization for kernels with the line "// @use layer_norm": the statistics of a row, and its elements. The axes of
// x and added in memory are k r, and the elements are read in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE
const BIAS: u32 = 1; // 0 where there is no bias
const ADDED: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> added: array<vec4f>;

var<workgroup> parts: array<f32, 64>;

fn summand(block: u32) -> vec4f {
  if (ADDED == 1u) {
    return x[block] + added[block];
  }
  return x[block];
}

fn exists(block: u32) -> vec4<bool> {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
}

// The mean of the row of fours [first, first + end), and 1 / sqrt(variance + epsilon).
fn statistics(first: u32, end: u32, lane: u32) -> vec2f {
  let start = lane % SHARE;
  let head = lane - start;
  var sums = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    sums += summand(first + r);
  }
  var mean = sums.x + sums.y + sums.z + sums.w;
  if (SHARE > 1u) {
    parts[lane] = mean;
    workgroupBarrier();
    mean = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      mean += parts[head + i];
    }
    workgroupBarrier();
  }
  mean /= f32(params.length);
  var squares = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    let distance = select(vec4f(0.0), summand(first + r) - mean, exists(r));
    squares += distance * distance;
  }
  var variance = squares.x + squares.y + squares.z + squares.w;
  if (SHARE > 1u) {
    parts[lane] = variance;
    workgroupBarrier();
    variance = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      variance += parts[head + i];
    }
  }
  variance /= f32(params.length);
  return vec2f(mean, 1.0 / sqrt(variance + params.epsilon));
}

// Four results of a row, zero in the padding.
fn normalized(first: u32, r: u32, row: vec2f) -> vec4f {
  var value = (summand(first + r) - row.x) * row.y * scale[r];
  if (BIAS == 1u) {
    value += bias[r];
  }
  return select(vec4f(0.0), value, exists(r));
}
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
`,
  matmul_f32: `// y[b, m, n] = clamp(bias[n] + scale * sum over k of left[b, m, k] * right[b, n, k], low, high)
//
// left, right, y: last axis in blocks of 4, the other axes with steps of their own, in blocks; with RIGHT_ROWS right is
// right[b, k, n]. A batch b has three axes, along which an operand may be broadcast (step 0).
// An invocation owns TM rows, LANES_M apart, and TN adjacent columns of one batch. Lanes run along rows first, then along
// tiles of columns.
const LANES: u32 = 8; // LANES_M * LANES_N
const LANES_M: u32 = 8;
const LANES_N: u32 = 1;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;
const RIGHT_ROWS: u32 = 0;

struct Params {
  rows: u32,
  columns: u32,
  blocks: u32,
  inner: u32,
  batch_1: u32,
  batch_2: u32,
  left_first: u32,
  left_row: u32,
  left_step_0: u32,
  left_step_1: u32,
  left_step_2: u32,
  right_first: u32,
  right_column: u32,
  right_step_0: u32,
  right_step_1: u32,
  right_step_2: u32,
  y_row: u32,
  y_step_0: u32,
  y_step_1: u32,
  y_step_2: u32,
  scale: f32,
  low: f32,
  high: f32,
}

@group(0) @binding(0) var<storage, read> left: array<vec4f>;
@group(0) @binding(1) var<storage, read> right: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * LANES_M * TM + lane % LANES_M;
  let n0 = (group.y * LANES_N + lane / LANES_M) * TN;
  let batch = vec3u(
    group.z / params.batch_2 / params.batch_1,
    group.z / params.batch_2 % params.batch_1,
    group.z % params.batch_2,
  );
  let from_left = params.left_first +
    batch.x * params.left_step_0 + batch.y * params.left_step_1 + batch.z * params.left_step_2;
  let from_right = params.right_first +
    batch.x * params.right_step_0 + batch.y * params.right_step_1 + batch.z * params.right_step_2;
  let from_y = batch.x * params.y_step_0 + batch.y * params.y_step_1 + batch.z * params.y_step_2;
  var row: array<u32, TM>;
  for (var i = 0u; i < TM; i++) { // @unroll
    row[i] = from_left + min(first + i * LANES_M, params.rows - 1u) * params.left_row;
  }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { // @unroll
    if (RIGHT_ROWS == 1u) {
      column[j] = from_right + min(n0 + j, params.columns - 1u) / 4u;
    } else {
      column[j] = from_right + min(n0 + j, params.columns - 1u) * params.right_column;
    }
  }
  let right_column = params.right_column;
  var acc: array<array<vec4f, TN4>, TM>;
  let blocks = params.blocks;
  let inner = params.inner;
  for (var k = 0u; k < blocks; k++) {
    var b: array<mat4x4f, TN4>;
    if (RIGHT_ROWS == 1u) { // @choose
      let r = min(vec4u(k * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(inner - 1u)) * right_column;
      for (var j = 0u; j < TN4; j++) { // @unroll
        let at = vec4u(column[j * 4u]) + r;
        b[j] = transpose(mat4x4f(right[at.x], right[at.y], right[at.z], right[at.w]));
      }
    }
    if (RIGHT_ROWS == 0u) { // @choose
      for (var j = 0u; j < TN4; j++) { // @unroll
        let at = vec4u(column[j * 4u], column[j * 4u + 1u], column[j * 4u + 2u], column[j * 4u + 3u]) + k;
        b[j] = mat4x4f(right[at.x], right[at.y], right[at.z], right[at.w]);
      }
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let a = left[row[i] + k];
      for (var j = 0u; j < TN4; j++) { // @unroll
        acc[i][j] += a * b[j];
      }
    }
  }
  for (var j = 0u; j < TN4; j++) { // @unroll
    let n = n0 + j * 4u;
    let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.columns);
    let b = bias[n / 4u];
    for (var i = 0u; i < TM; i++) { // @unroll
      let m = first + i * LANES_M;
      if (m < params.rows && n < params.columns) {
        let sum = b + params.scale * acc[i][j];
        let result = min(max(sum, vec4f(params.low)), vec4f(params.high));
        y[from_y + m * params.y_row + n / 4u] = select(vec4f(), result, exists);
      }
    }
  }
}
`,
  matmul_i8: `// sum[b, m, n] = bias[n] + sum over k of (left[b, m, k] - left_zero) * (right[b, n, k] - right_zero), in i32
// y[b, m, n] = clamp(round(f32(sum) * multiplier[n]) + zero, low, high) as i8,
//        or clamp(f32(sum) * multiplier[n], low, high) as f32
//
// left, right: last axis in blocks of 16, whose padding is masked; y: in blocks of 16 i8 or 4 f32. The other axes have steps
// of their own: those of left and right in blocks, those of y in fours. A batch b has three axes, along which an operand may be broadcast (step 0).
// An invocation owns TM rows, LANES_M apart, and TN adjacent columns of one batch. Lanes run along rows first, then along
// tiles of columns.
const LANES: u32 = 8; // LANES_M * LANES_N
const LANES_M: u32 = 8;
const LANES_N: u32 = 1;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;
const TN16: u32 = 1; // TN / 16, at least 1
const QUADS: u32 = 4; // fours of columns in each of these
const FLOAT_OUT: u32 = 0;

struct Params {
  rows: u32,
  columns: u32,
  blocks: u32,
  inner: u32,
  batch_1: u32,
  batch_2: u32,
  left_first: u32,
  left_row: u32,
  left_step_0: u32,
  left_step_1: u32,
  left_step_2: u32,
  right_first: u32,
  right_column: u32,
  right_step_0: u32,
  right_step_1: u32,
  right_step_2: u32,
  y_row: u32,
  y_step_0: u32,
  y_step_1: u32,
  y_step_2: u32,
  left_zero: i32,
  right_zero: i32,
  low: f32,
  high: f32,
  zero: f32,
}

@group(0) @binding(0) var<storage, read> left: array<vec4u>;
@group(0) @binding(1) var<storage, read> right: array<vec4u>;
@group(0) @binding(2) var<storage, read> bias: array<vec4i>;
@group(0) @binding(3) var<storage, read> multiplier: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(5) var<uniform> params: Params;

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

// All ones in the bytes of block k that hold elements, zeros in the padding.
fn mask(k: u32, inner: u32) -> vec4u {
  let bytes = clamp(vec4i(i32(inner) - i32(k * 16u)) - vec4i(0, 4, 8, 12), vec4i(0), vec4i(4));
  return select((vec4u(1u) << (vec4u(bytes) * 8u)) - 1u, vec4u(0xffffffffu), bytes == vec4i(4));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * LANES_M * TM + lane % LANES_M;
  let n0 = (group.y * LANES_N + lane / LANES_M) * TN;
  let batch = vec3u(
    group.z / params.batch_2 / params.batch_1,
    group.z / params.batch_2 % params.batch_1,
    group.z % params.batch_2,
  );
  let from_left = params.left_first +
    batch.x * params.left_step_0 + batch.y * params.left_step_1 + batch.z * params.left_step_2;
  let from_right = params.right_first +
    batch.x * params.right_step_0 + batch.y * params.right_step_1 + batch.z * params.right_step_2;
  let from_y = batch.x * params.y_step_0 + batch.y * params.y_step_1 + batch.z * params.y_step_2;
  var row: array<u32, TM>;
  for (var i = 0u; i < TM; i++) { // @unroll
    row[i] = from_left + min(first + i * LANES_M, params.rows - 1u) * params.left_row;
  }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { // @unroll
    column[j] = from_right + min(n0 + j, params.columns - 1u) * params.right_column;
  }
  let ones = vec4u(0x01010101u);
  var acc: array<array<vec4i, TN4>, TM>;
  var row_sum: array<i32, TM>;
  var column_sum: array<i32, TN>;
  let blocks = params.blocks;
  let inner = params.inner;
  for (var k = 0u; k < blocks; k++) {
    let real = mask(k, inner);
    var b: array<vec4u, TN>;
    for (var j = 0u; j < TN; j++) { // @unroll
      b[j] = right[column[j] + k] & real;
      column_sum[j] += dot16(b[j], ones);
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let a = left[row[i] + k] & real;
      row_sum[i] += dot16(a, ones);
      for (var j = 0u; j < TN4; j++) { // @unroll
        acc[i][j] += vec4i(dot16(a, b[j * 4u]), dot16(a, b[j * 4u + 1u]), dot16(a, b[j * 4u + 2u]), dot16(a, b[j * 4u + 3u]));
      }
    }
  }
  let both = i32(inner) * params.left_zero * params.right_zero;
  for (var k = 0u; k < TN16; k++) { // @unroll
    let n16 = n0 + k * 16u;
    if (n16 < params.columns) {
      for (var i = 0u; i < TM; i++) { // @unroll
        let m = first + i * LANES_M;
        if (m < params.rows) {
          let at = from_y + m * params.y_row + n16 / 4u;
          var packed: vec4u;
          for (var q = 0u; q < QUADS; q++) { // @unroll
            let n = n16 + q * 4u;
            let j = k * 16u + q * 4u;
            let products = acc[i][k * 4u + q];
            let sums = vec4i(column_sum[j], column_sum[j + 1u], column_sum[j + 2u], column_sum[j + 3u]);
            let constant = bias[n / 4u] + both - params.left_zero * sums;
            let real = vec4f(products + constant - params.right_zero * row_sum[i]) * multiplier[n / 4u];
            if (FLOAT_OUT == 0u) {
              let result = min(max(round(real) + params.zero, vec4f(params.low)), vec4f(params.high));
              packed[q] = pack4xI8(vec4i(result));
            } else if (n < params.columns) {
              let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.columns);
              let result = select(vec4f(), min(max(real, vec4f(params.low)), vec4f(params.high)), exists);
              y[at + q] = bitcast<vec4u>(result);
            }
          }
          if (FLOAT_OUT == 0u) {
            y[at / 4u] = packed;
          }
        }
      }
    }
  }
}
`,
  max_pool_8: `// y[n, oy, ox, c] = the greatest element of the window of x at (oy, ox). NHWC, sixteen channels of i8 an invocation.
struct Params {
  count: u32,
  blocks: u32, // sixteens of channels
  size: vec2u, // (width, height) here and below
  output: vec2u,
  kernel: vec2u,
  stride: vec2u,
  pad: vec2u,
  dilation: vec2u,
}

@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
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
  let pixel = index / params.blocks;
  let block = index - pixel * params.blocks;
  let row = pixel / params.output.x;
  let image = row / params.output.y;
  let corner = vec2i(vec2u(pixel % params.output.x, row % params.output.y) * params.stride) - vec2i(params.pad);
  var a = vec4i(-128);
  var b = vec4i(-128);
  var c = vec4i(-128);
  var d = vec4i(-128);
  for (var ky = 0u; ky < params.kernel.y; ky++) {
    let iy = corner.y + i32(ky * params.dilation.y);
    for (var kx = 0u; kx < params.kernel.x; kx++) {
      let ix = corner.x + i32(kx * params.dilation.x);
      if (iy >= 0 && iy < i32(params.size.y) && ix >= 0 && ix < i32(params.size.x)) {
        let words = x[((image * params.size.y + u32(iy)) * params.size.x + u32(ix)) * params.blocks + block];
        a = max(a, unpack4xI8(words.x));
        b = max(b, unpack4xI8(words.y));
        c = max(c, unpack4xI8(words.z));
        d = max(d, unpack4xI8(words.w));
      }
    }
  }
  y[index] = vec4u(pack4xI8(a), pack4xI8(b), pack4xI8(c), pack4xI8(d));
}
`,
  moments_f32: `// y[p, 0, k], y[p, 1, k], y[p, 2, k] = the least and the greatest of x[k, r] over the r of part p, and its share of their
// mean over all r. The axes of x in memory are k0 r0 k1 r1 k2.
const FOURS: u32 = 1; // 1 where r counts blocks of four along r1, and steps are in blocks too
const MASKED: u32 = 0; // 1 where the last block along r1 is not whole
const SHARE: u32 = 1; // invocations that share the work of one output
const OUTPUTS: u32 = 64; // outputs of a workgroup: 64 / SHARE
const PARTS: u32 = 1;

struct Params {
  count: u32, // outputs k
  reduced: u32, // r0 * r1
  k1: u32,
  k2: u32,
  r1: u32,
  k0_step: u32,
  k1_step: u32,
  k2_step: u32,
  r0_step: u32,
  r1_step: u32,
  width: u32, // elements along r1
  scale: f32, // 1 / elements that are reduced
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> shares: array<vec3f, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = (group.x + group.y * groups.x) % PARTS;
  let index = (group.x + group.y * groups.x) / PARTS * OUTPUTS + lane % OUTPUTS;
  let k2 = index % params.k2;
  let rest = index / params.k2;
  let k1 = rest % params.k1;
  let k0 = rest / params.k1;
  var least = vec4f(0x1.fffffep+127f);
  var greatest = vec4f(-0x1.fffffep+127f);
  var sum = vec4f(0.0);
  if (index < params.count) {
    let first = k0 * params.k0_step + k1 * params.k1_step + k2 * params.k2_step;
    for (var r = part * SHARE + lane / OUTPUTS; r < params.reduced; r += PARTS * SHARE) {
      let column = r % params.r1;
      let at = first + r / params.r1 * params.r0_step + column * params.r1_step;
      if (FOURS == 1u) { // @choose
        let value = x[at];
        if (MASKED == 1u) { // @choose
          let inside = vec4u(4u * column) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.width);
          least = min(least, select(least, value, inside));
          greatest = max(greatest, select(greatest, value, inside));
          sum += select(vec4f(0.0), value, inside);
        }
        if (MASKED == 0u) { // @choose
          least = min(least, value);
          greatest = max(greatest, value);
          sum += value;
        }
      }
      if (FOURS == 0u) { // @choose
        let value = x[at >> 2u];
        let element = value[at & 3u];
        least.x = min(least.x, element);
        greatest.x = max(greatest.x, element);
        sum.x += element;
      }
    }
  }
  var own = vec3f(
    min(min(least.x, least.y), min(least.z, least.w)),
    max(max(greatest.x, greatest.y), max(greatest.z, greatest.w)),
    sum.x + sum.y + sum.z + sum.w,
  );
  if (SHARE > 1u) {
    shares[lane] = own;
    workgroupBarrier();
    if (lane < OUTPUTS) {
      for (var share = 1u; share < SHARE; share++) {
        let other = shares[lane + share * OUTPUTS];
        own = vec3f(min(own.x, other.x), max(own.y, other.y), own.z + other.z);
      }
    }
  }
  if (index >= params.count || lane >= OUTPUTS) {
    return;
  }
  let first = 3u * part * params.count + index;
  y[first] = own.x;
  y[first + params.count] = own.y;
  y[first + 2u * params.count] = own.z * params.scale;
}
`,
  peak_copy: `// y = x, 16 bytes an invocation.
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * 64u + id.x;
  if (i < arrayLength(&y)) {
    y[i] = x[i];
  }
}
`,
  peak_f32: `// a[i] = a[i] * b + c in CHAINS chains that do not wait for one another; TURNS * UNROLL * CHAINS times an invocation.
const CHAINS: u32 = 8;
const UNROLL: u32 = 4;
const TURNS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> seed: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let b = seed[0];
  let c = seed[1];
  var a: array<f32, CHAINS>;
  for (var i = 0u; i < CHAINS; i++) { // @unroll
    a[i] = f32(id.x + i) * c;
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    for (var r = 0u; r < UNROLL; r++) { // @unroll
      for (var i = 0u; i < CHAINS; i++) { // @unroll
        a[i] = a[i] * b + c;
      }
    }
  }
  var sum = 0.0;
  for (var i = 0u; i < CHAINS; i++) { // @unroll
    sum += a[i];
  }
  // Does not happen, which no compiler can know: so nothing above can be left out.
  if (sum == seed[2]) {
    seed[3] = sum;
  }
}
`,
  peak_i8: `// acc[i][j] += dot4I8Packed(x[i], w[j]) in a tile of ROWS x COLUMNS sums, TURNS times an invocation.
// At each turn all x and w are other numbers: a factor that stays is taken out of the sum by compilers.
const ROWS: u32 = 4;
const COLUMNS: u32 = 4;
const TURNS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> seed: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var x: array<u32, ROWS>;
  var w: array<u32, COLUMNS>;
  var acc: array<array<i32, COLUMNS>, ROWS>;
  for (var i = 0u; i < ROWS; i++) { // @unroll
    x[i] = seed[0] * (id.x + i);
  }
  for (var j = 0u; j < COLUMNS; j++) { // @unroll
    w[j] = seed[1] * (j + 1u);
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    for (var i = 0u; i < ROWS; i++) { // @unroll
      for (var j = 0u; j < COLUMNS; j++) { // @unroll
        acc[i][j] += dot4I8Packed(x[i], w[j]);
      }
    }
    for (var i = 0u; i < ROWS; i++) { // @unroll
      x[i] = bitcast<u32>(acc[i][0]);
    }
    for (var j = 0u; j < COLUMNS; j++) { // @unroll
      w[j] ^= bitcast<u32>(acc[0][j]);
    }
  }
  var sum = 0;
  for (var i = 0u; i < ROWS; i++) { // @unroll
    for (var j = 0u; j < COLUMNS; j++) { // @unroll
      sum += acc[i][j];
    }
  }
  // Rarely happens, and no compiler can know when: so nothing above can be left out.
  if (bitcast<u32>(sum) == seed[2]) {
    seed[3] = seed[2];
  }
}
`,
  pointwise: `// y = program(in0, in1, ...), each element alone, the inputs broadcast to the shape of y.
//
// y is [rows, columns], columns along its innermost axis; one invocation makes 4 * VECS columns of a row (16 bytes of
// i8, hence VECS is 4 where any tensor is i8). With FLAT y is one row, whose elements find their own place in inputs
// that are gathered. i8 inputs count as the whole numbers that they hold.
//
// Registers 0 .. INPUTS - 1 are the inputs.
// OPERANDi = access | is i8 << 4, see the accesses below.
// @use steps

const INPUTS: u32 = 1;
const COUNT: u32 = 1;
const VECS: u32 = 1;
const OUTER: u32 = 0; // axes of y outside the innermost one
const FLAT: u32 = 0;
const GATHERS: u32 = 1; // VECS, or 0 where no input is gathered: that code takes compilers long
const OUT_I8: u32 = 0;
const OPERAND0: u32 = 0;
const OPERAND1: u32 = 0;
const OPERAND2: u32 = 0;
const OPERAND3: u32 = 0;
const OPERAND4: u32 = 0;
const OPERAND5: u32 = 0;

const OPERANDS = array<u32, 6>(OPERAND0, OPERAND1, OPERAND2, OPERAND3, OPERAND4, OPERAND5);
const REGISTERS: u32 = INPUTS + COUNT;

const SAME: u32 = 0u; // the row of y, whole
const SCALAR: u32 = 1u; // one element
const VECTOR: u32 = 2u; // one row for all rows of y
const ROWS: u32 = 3u; // row (row of y / divisor) % modulus, whole
const SPLAT: u32 = 4u; // one element for each such row
const GATHER: u32 = 5u; // by strides, each element alone

struct Operand {
  divisor: u32,
  modulus: u32,
  step: u32, // from row to row: in elements for SPLAT, else in 16 bytes
  inner: u32, // from column to column, in elements
  strides: array<vec4u, 2>, // along the outer axes, the innermost first
}

struct Params {
  items: u32, // invocations in all
  blocks: u32, // invocations in a row
  columns: u32,
  inner: u32, // columns of y before it was made flat
  step: u32, // from row to row of y, in 16 bytes
  sizes: array<vec4u, 2>, // of the outer axes, the innermost first
  operands: array<Operand, 6>,
  immediates: array<vec4f, 16>, // p, q
}

@group(0) @binding(0) var<storage, read> in0: array<vec4u>;
@group(0) @binding(1) var<storage, read> in1: array<vec4u>;
@group(0) @binding(2) var<storage, read> in2: array<vec4u>;
@group(0) @binding(3) var<storage, read> in3: array<vec4u>;
@group(0) @binding(4) var<storage, read> in4: array<vec4u>;
@group(0) @binding(5) var<storage, read> in5: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(7) var<uniform> params: Params;

fn readBlock(i: u32, index: u32) -> vec4u {
  switch i {
    case 1u: { return in1[index]; }
    case 2u: { return in2[index]; }
    case 3u: { return in3[index]; }
    case 4u: { return in4[index]; }
    case 5u: { return in5[index]; }
    default: { return in0[index]; }
  }
}

fn readWord(i: u32, word: u32) -> u32 {
  switch i {
    case 1u: { return in1[word >> 2u][word & 3u]; }
    case 2u: { return in2[word >> 2u][word & 3u]; }
    case 3u: { return in3[word >> 2u][word & 3u]; }
    case 4u: { return in4[word >> 2u][word & 3u]; }
    case 5u: { return in5[word >> 2u][word & 3u]; }
    default: { return in0[word >> 2u][word & 3u]; }
  }
}

fn element(i: u32, index: u32) -> f32 {
  if ((OPERANDS[i] >> 4u) == 0u) {
    return bitcast<f32>(readWord(i, index));
  }
  return f32(extractBits(bitcast<i32>(readWord(i, index >> 2u)), (index & 3u) * 8u, 8u));
}

fn rowStart(i: u32, row: u32) -> u32 {
  var rest = row;
  var start = 0u;
  for (var d = 0u; d < OUTER; d++) { // @unroll
    let size = params.sizes[d >> 2u][d & 3u];
    start += (rest % size) * params.operands[i].strides[d >> 2u][d & 3u];
    rest /= size;
  }
  return start;
}

fn gather(i: u32, row: u32, column: u32) -> f32 {
  if (FLAT == 0u) {
    return element(i, rowStart(i, row) + column * params.operands[i].inner);
  }
  let start = rowStart(i, column / params.inner);
  return element(i, start + (column % params.inner) * params.operands[i].inner);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let item = id.x + id.y * grid.x * 64u;
  if (item >= params.items) {
    return;
  }
  var row = 0u;
  var block = item;
  if (OUTER > 0u && FLAT == 0u) {
    row = item / params.blocks;
    block = item - row * params.blocks;
  }
  var r: array<vec4f, VECS * REGISTERS>;
  for (var i = 0u; i < INPUTS; i++) { // @unroll
    let access = OPERANDS[i] & 15u;
    var source = row;
    if (access == VECTOR) {
      source = 0u;
    } else if (access == ROWS || access == SPLAT) {
      source = (row / params.operands[i].divisor) % params.operands[i].modulus;
    }
    let start = source * params.operands[i].step;
    if (access == SCALAR || access == SPLAT) {
      let value = vec4f(element(i, select(start, 0u, access == SCALAR)));
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = value;
      }
    } else if (access == GATHER) {
      for (var v = 0u; v < GATHERS; v++) { // @unroll
        let column = (block * VECS + v) * 4u;
        r[v * REGISTERS + i] = vec4f(
          gather(i, row, column),
          gather(i, row, column + 1u),
          gather(i, row, column + 2u),
          gather(i, row, column + 3u),
        );
      }
    } else if ((OPERANDS[i] >> 4u) == 1u) {
      let packed = readBlock(i, start + block);
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = vec4f(unpack4xI8(packed[v]));
      }
    } else {
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = bitcast<vec4f>(readBlock(i, start + block * VECS + v));
      }
    }
  }
  for (var v = 0u; v < VECS; v++) { // @unroll
    for (var k = 0u; k < COUNT; k++) { // @unroll
      r[v * REGISTERS + INPUTS + k] = apply(
        STEPS[k] & 255u,
        r[v * REGISTERS + ((STEPS[k] >> 8u) & 255u)],
        r[v * REGISTERS + (STEPS[k] >> 16u)],
        params.immediates[k].x,
        params.immediates[k].y,
      );
    }
  }
  if (OUT_I8 == 1u) {
    var packed: vec4u;
    for (var v = 0u; v < VECS; v++) { // @unroll
      packed[v] = pack4xI8(vec4i(r[(v + 1u) * REGISTERS - 1u]));
    }
    y[row * params.step + block] = packed;
    return;
  }
  for (var v = 0u; v < VECS; v++) { // @unroll
    let column = (block * VECS + v) * 4u;
    if (column < params.columns) {
      let inside = column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.columns);
      let value = select(vec4f(0.0), r[(v + 1u) * REGISTERS - 1u], inside);
      y[row * params.step + block * VECS + v] = bitcast<vec4u>(value);
    }
  }
}
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
`,
  pool_f32: `// y[n, oy, ox, c] = the greatest element, or the mean, of the window of x at (oy, ox). NHWC, four channels an
// invocation.
const MODE: u32 = 0; // 0: greatest; 1: mean of the elements; 2: mean, padding counted

struct Params {
  count: u32,
  blocks: u32, // fours of channels
  size: vec2u, // (width, height) here and below
  output: vec2u,
  kernel: vec2u,
  stride: vec2u,
  pad: vec2u,
  dilation: vec2u,
  padded: vec2u, // the first positions after the padding at the end
  start: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
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
  let pixel = index / params.blocks;
  let block = index - pixel * params.blocks;
  let row = pixel / params.output.x;
  let image = row / params.output.y;
  let corner = vec2i(vec2u(pixel % params.output.x, row % params.output.y) * params.stride) - vec2i(params.pad);
  var value = vec4f(params.start);
  var taps = 0u;
  for (var ky = 0u; ky < params.kernel.y; ky++) {
    let iy = corner.y + i32(ky * params.dilation.y);
    for (var kx = 0u; kx < params.kernel.x; kx++) {
      let ix = corner.x + i32(kx * params.dilation.x);
      if (iy >= 0 && iy < i32(params.size.y) && ix >= 0 && ix < i32(params.size.x)) {
        let at = ((image * params.size.y + u32(iy)) * params.size.x + u32(ix)) * params.blocks + block;
        if (MODE == 0u) {
          value = max(value, x[at]);
        } else {
          value += x[at];
        }
        taps += 1u;
      } else if (MODE == 2u && iy < i32(params.padded.y) && ix < i32(params.padded.x)) {
        taps += 1u;
      }
    }
  }
  if (MODE != 0u) {
    value /= f32(taps);
  }
  y[index] = value;
}
`,
  reduce_f32: `// y[k] = the sum (mean, greatest, least, product) of x[k, r] over r. The axes of x in memory are k0 r0 k1 r1 k2.
const MODE: u32 = 0; // 0: sum; 1: greatest; 2: least; 3: product
const SHARE: u32 = 1; // invocations that share the work of one output
const OUTPUTS: u32 = 64; // outputs of a workgroup: 64 / SHARE
const NESTED: u32 = 0; // 1 where r0 is not alone

struct Params {
  count: u32, // outputs
  reduced: u32, // r0 * r1
  k1: u32,
  k2: u32,
  r1: u32,
  k0_step: u32,
  k1_step: u32,
  k2_step: u32,
  r0_step: u32,
  r1_step: u32,
  k0_step_y: u32,
  k1_step_y: u32,
  k2_step_y: u32,
  start: f32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> parts: array<f32, 64>;

fn join(a: f32, b: f32) -> f32 {
  if (MODE == 0u) {
    return a + b;
  }
  if (MODE == 1u) {
    return max(a, b);
  }
  if (MODE == 2u) {
    return min(a, b);
  }
  return a * b;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.x + group.y * groups.x) * OUTPUTS + lane % OUTPUTS;
  let k2 = index % params.k2;
  let rest = index / params.k2;
  let k1 = rest % params.k1;
  let k0 = rest / params.k1;
  var value = f32(params.start);
  if (index < params.count) {
    let first = k0 * params.k0_step + k1 * params.k1_step + k2 * params.k2_step;
    for (var r = lane / OUTPUTS; r < params.reduced; r += SHARE) {
      var at = first + r * params.r1_step;
      if (NESTED == 1u) {
        at = first + r / params.r1 * params.r0_step + r % params.r1 * params.r1_step;
      }
      value = join(value, x[at]);
    }
  }
  if (SHARE > 1u) {
    parts[lane] = value;
    workgroupBarrier();
    if (lane < OUTPUTS) {
      for (var part = 1u; part < SHARE; part++) {
        value = join(value, parts[lane + part * OUTPUTS]);
      }
    }
  }
  if (index >= params.count || lane >= OUTPUTS) {
    return;
  }
  let o = k0 * params.k0_step_y + k1 * params.k1_step_y + k2 * params.k2_step_y;
  y[o] = value * params.scale;
}
`,
  reduce_f32x4: `// y[k] = the sum (mean, greatest, least, product) of x[k, r] over r. The axes of x in memory are k0 r0 k1 r1 k2, and
// the elements are read in fours of k2, or else of r1; sizes, and steps in x, count fours.
const ACROSS: u32 = 0; // 1 where the fours are of r1
const MODE: u32 = 0; // 0: sum; 1: greatest; 2: least; 3: product
const SHARE: u32 = 1; // invocations that share the work of one output
const OUTPUTS: u32 = 64; // outputs of a workgroup: 64 / SHARE
const NESTED: u32 = 0; // 1 where r0 is not alone

struct Params {
  count: u32, // outputs
  reduced: u32, // r0 * r1
  k1: u32,
  k2: u32,
  r1: u32,
  k0_step: u32,
  k1_step: u32,
  k2_step: u32,
  r0_step: u32,
  r1_step: u32,
  k0_step_y: u32,
  k1_step_y: u32,
  k2_step_y: u32,
  start: f32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> parts: array<vec4f, 64>;

fn join(a: vec4f, b: vec4f) -> vec4f {
  if (MODE == 0u) {
    return a + b;
  }
  if (MODE == 1u) {
    return max(a, b);
  }
  if (MODE == 2u) {
    return min(a, b);
  }
  return a * b;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.x + group.y * groups.x) * OUTPUTS + lane % OUTPUTS;
  let k2 = index % params.k2;
  let rest = index / params.k2;
  let k1 = rest % params.k1;
  let k0 = rest / params.k1;
  var value = vec4f(params.start);
  if (index < params.count) {
    let first = k0 * params.k0_step + k1 * params.k1_step + k2 * params.k2_step;
    for (var r = lane / OUTPUTS; r < params.reduced; r += SHARE) {
      var at = first + r * params.r1_step;
      if (NESTED == 1u) {
        at = first + r / params.r1 * params.r0_step + r % params.r1 * params.r1_step;
      }
      value = join(value, x[at]);
    }
  }
  if (SHARE > 1u) {
    parts[lane] = value;
    workgroupBarrier();
    if (lane < OUTPUTS) {
      for (var part = 1u; part < SHARE; part++) {
        value = join(value, parts[lane + part * OUTPUTS]);
      }
    }
  }
  if (index >= params.count || lane >= OUTPUTS) {
    return;
  }
  let o = k0 * params.k0_step_y + k1 * params.k1_step_y + k2 * params.k2_step_y;
  if (ACROSS == 1u) {
    let pairs = join(value, value.zwxy);
    y[o] = join(pairs, pairs.yxwz).x * params.scale;
    return;
  }
  y[o] = value.x * params.scale;
  y[o + 1u] = value.y * params.scale;
  y[o + 2u] = value.z * params.scale;
  y[o + 3u] = value.w * params.scale;
}
`,
  softmax_f32: `// y[k, r] = exp(x[k, r] - max) / sum of these over r. The axes of x and y in memory are k0 r k1.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE

struct Params {
  count: u32, // rows
  length: u32, // r
  k1: u32,
  k0_step: u32,
  r_step: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let start = lane % SHARE;
  let head = lane - start;
  let first = row / params.k1 * params.k0_step + row % params.k1;
  var end = params.length;
  if (row >= params.count) {
    end = 0u;
  }
  var greatest = -3.4e38;
  for (var r = start; r < end; r += SHARE) {
    greatest = max(greatest, x[first + r * params.r_step]);
  }
  if (SHARE > 1u) {
    parts[lane] = greatest;
    workgroupBarrier();
    for (var i = 0u; i < SHARE; i++) {
      greatest = max(greatest, parts[head + i]);
    }
    workgroupBarrier();
  }
  var sum = 0.0;
  for (var r = start; r < end; r += SHARE) {
    sum += exp(x[first + r * params.r_step] - greatest);
  }
  if (SHARE > 1u) {
    parts[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      sum += parts[head + i];
    }
  }
  for (var r = start; r < end; r += SHARE) {
    let at = first + r * params.r_step;
    y[at] = exp(x[at] - greatest) / sum;
  }
}
`,
  softmax_f32x4: `// y[k, r] = exp(x[k, r] - max) / sum of these over r. y lies as x.
// @use softmax

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
}

@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let first = row * params.step;
  let end = select(0u, params.step, row < params.count);
  let own = statistics(first, end, lane);
  for (var r = lane % SHARE; r < end; r += SHARE) {
    y[first + r] = normalized(first, r, own);
  }
}
// @file lib/softmax
// Softmax for kernels with the line "// @use softmax": exponentials of a row, and their sum. The axes of x in memory are k r,
// and the elements are read in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE

@group(0) @binding(0) var<storage, read> x: array<vec4f>;

var<workgroup> parts: array<f32, 64>;

fn exists(block: u32) -> vec4<bool> {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
}

// The greatest element of the row of fours [first, first + end), and the sum of exp(x - greatest).
fn statistics(first: u32, end: u32, lane: u32) -> vec2f {
  let start = lane % SHARE;
  let head = lane - start;
  var fours = vec4f(-3.4e38);
  for (var r = start; r < end; r += SHARE) {
    fours = max(fours, select(vec4f(-3.4e38), x[first + r], exists(r)));
  }
  var greatest = max(max(fours.x, fours.y), max(fours.z, fours.w));
  if (SHARE > 1u) {
    parts[lane] = greatest;
    workgroupBarrier();
    for (var i = 0u; i < SHARE; i++) {
      greatest = max(greatest, parts[head + i]);
    }
    workgroupBarrier();
  }
  var sums = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    sums += select(vec4f(0.0), exp(x[first + r] - greatest), exists(r));
  }
  var sum = sums.x + sums.y + sums.z + sums.w;
  if (SHARE > 1u) {
    parts[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      sum += parts[head + i];
    }
  }
  return vec2f(greatest, sum);
}

// Four results of a row, zero in the padding.
fn normalized(first: u32, r: u32, row: vec2f) -> vec4f {
  return select(vec4f(0.0), exp(x[first + r] - row.x) / row.y, exists(r));
}
`,
  softmax_i8: `// y = clamp(round(softmax / y_scale) + y_zero, -128, 127), softmax as softmax_f32x4 gives it; r of y in blocks of 16
// @use softmax
// @use steps

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row of x
  y_scale: f32,
  y_zero: f32,
}

@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let first = row * params.step;
  let end = select(0u, params.step, row < params.count);
  let own = statistics(first, end, lane);
  let blocks = (params.step + 3u) / 4u;
  for (var block = lane % SHARE; block * 4u < end; block += SHARE) {
    var packed: vec4u;
    for (var q = 0u; q < 4u; q++) { // @unroll
      let r = block * 4u + q;
      if (r < end) {
        packed[q] = pack4xI8(vec4i(quantize(normalized(first, r, own), params.y_scale, params.y_zero)));
      }
    }
    y[row * blocks + block] = packed;
  }
}
// @file lib/softmax
// Softmax for kernels with the line "// @use softmax": exponentials of a row, and their sum. The axes of x in memory are k r,
// and the elements are read in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE

@group(0) @binding(0) var<storage, read> x: array<vec4f>;

var<workgroup> parts: array<f32, 64>;

fn exists(block: u32) -> vec4<bool> {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
}

// The greatest element of the row of fours [first, first + end), and the sum of exp(x - greatest).
fn statistics(first: u32, end: u32, lane: u32) -> vec2f {
  let start = lane % SHARE;
  let head = lane - start;
  var fours = vec4f(-3.4e38);
  for (var r = start; r < end; r += SHARE) {
    fours = max(fours, select(vec4f(-3.4e38), x[first + r], exists(r)));
  }
  var greatest = max(max(fours.x, fours.y), max(fours.z, fours.w));
  if (SHARE > 1u) {
    parts[lane] = greatest;
    workgroupBarrier();
    for (var i = 0u; i < SHARE; i++) {
      greatest = max(greatest, parts[head + i]);
    }
    workgroupBarrier();
  }
  var sums = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    sums += select(vec4f(0.0), exp(x[first + r] - greatest), exists(r));
  }
  var sum = sums.x + sums.y + sums.z + sums.w;
  if (SHARE > 1u) {
    parts[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      sum += parts[head + i];
    }
  }
  return vec2f(greatest, sum);
}

// Four results of a row, zero in the padding.
fn normalized(first: u32, r: u32, row: vec2f) -> vec4f {
  return select(vec4f(0.0), exp(x[first + r] - row.x) / row.y, exists(r));
}
// @file lib/steps
// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}
`,
};
