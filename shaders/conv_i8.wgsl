// sum[p, n] = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, c] * w[t, c, n], in i32
// y[p, n] = clamp(round(f32(sum) * multiplier[n]) + zero, low, high) as i8,
//        or clamp(f32(sum) * multiplier[n], low, high) as f32
//
// Outside the image x is its zero point; the bias holds -x_zero * (sum of w), so that x counts from its zero point.
// x: nhwc, channels in blocks of 16; y: nhwc in blocks of 16 i8 or 4 f32;
// w: block (t * blocks + block of c) * padded + n.
// Lanes run along output pixels: an invocation owns TM pixels, LANES apart, and TN adjacent channels of one group.
const LANES: u32 = 8;
const TM: u32 = 16;
const TN: u32 = 16;
const TN16: u32 = 1; // TN / 16, at least 1
const QUADS: u32 = 4; // fours of channels in each of these
const WORDS: u32 = 4; // 1 where no group has more than 4 input channels
const FLOAT_OUT: u32 = 0;

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
}

@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> w: array<vec4u>;
@group(0) @binding(2) var<storage, read> bias: array<vec4i>;
@group(0) @binding(3) var<storage, read> multiplier: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * grid.x + group.x) * LANES * TM + lane;
  let n0 = group.z * TN;
  let from_block = n0 / params.group_channels * params.blocks;
  var top: array<i32, TM>;
  var left: array<i32, TM>;
  var start: array<i32, TM>;
  for (var i = 0u; i < TM; i++) { // @unroll
    let p = min(first + i * LANES, params.pixels - 1u);
    let row = p / params.out_width;
    let image = row / params.out_height;
    top[i] = i32((row - image * params.out_height) * params.stride_y) - params.pad_y;
    left[i] = i32((p - row * params.out_width) * params.stride_x) - params.pad_x;
    let image_row = i32(image * params.height) + top[i];
    start[i] = (image_row * i32(params.width) + left[i]) * i32(params.x_blocks) + i32(from_block);
  }
  var acc: array<array<i32, TN>, TM>;
  var ky = 0u;
  var kx = 0u;
  var c = 0u;
  var texel = n0;
  // One flat loop: lavapipe copies every accumulator at each turn of each loop around it.
  for (var step = 0u; step < params.kernel_y * params.kernel_x * params.blocks; step++) {
    let down = i32(ky * params.dilation_y);
    let right = i32(kx * params.dilation_x);
    let offset = (down * i32(params.width) + right) * i32(params.x_blocks) + i32(c);
    var b: array<vec4u, TN>;
    for (var j = 0u; j < TN; j++) { // @unroll
      b[j] = w[texel + j];
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let inside = u32(top[i] + down) < params.height && u32(left[i] + right) < params.width;
      let a = select(vec4u(params.x_zero), x[select(0, start[i] + offset, inside)], inside);
      for (var j = 0u; j < TN; j++) { // @unroll
        for (var q = 0u; q < WORDS; q++) { // @unroll
          acc[i][j] += dot4I8Packed(a[q], b[j][q]);
        }
      }
    }
    texel += params.padded;
    c += 1u;
    let next_column = c == params.blocks;
    c = select(c, 0u, next_column);
    kx += u32(next_column);
    let next_row = kx == params.kernel_x;
    kx = select(kx, 0u, next_row);
    ky += u32(next_row);
  }
  for (var k = 0u; k < TN16; k++) { // @unroll
    let n16 = n0 + k * 16u;
    if (n16 < params.channels) {
      for (var i = 0u; i < TM; i++) { // @unroll
        let p = first + i * LANES;
        if (p < params.pixels) {
          var packed: vec4u;
          for (var q = 0u; q < QUADS; q++) { // @unroll
            let n = n16 + q * 4u;
            let j = k * 16u + q * 4u;
            let sum = bias[n / 4u] + vec4i(acc[i][j], acc[i][j + 1u], acc[i][j + 2u], acc[i][j + 3u]);
            let real = vec4f(sum) * multiplier[n / 4u];
            if (FLOAT_OUT == 0u) {
              let result = min(max(round(real) + params.zero, vec4f(params.low)), vec4f(params.high));
              packed[q] = pack4xI8(vec4i(result));
            } else if (n < params.channels) {
              let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.channels);
              let result = select(vec4f(), min(max(real, vec4f(params.low)), vec4f(params.high)), exists);
              y[p * params.y_blocks + n / 4u] = bitcast<vec4u>(result);
            }
          }
          if (FLOAT_OUT == 0u) {
            y[(p * params.y_blocks + n16 / 4u) / 4u] = packed;
          }
        }
      }
    }
  }
}
