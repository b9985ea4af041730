// y[p, n] = clamp(sum, low, high),
// sum = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, c] * w[t, c, n]
//
// x, y: nhwc, channels in blocks of 4; w: block (t * blocks + block of c) * padded + n; bias: padded to whole tiles.
// Lanes run along output pixels: an invocation owns TM pixels, LANES apart, and TN adjacent channels of one group.
const LANES: u32 = 8;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;

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
  var acc: array<array<f32, TN>, TM>;
  var ky = 0u;
  var kx = 0u;
  var c = 0u;
  var texel = n0;
  // One flat loop: lavapipe copies every accumulator at each turn of each loop around it.
  for (var step = 0u; step < params.kernel_y * params.kernel_x * params.blocks; step++) {
    let down = i32(ky * params.dilation_y);
    let right = i32(kx * params.dilation_x);
    let offset = (down * i32(params.width) + right) * i32(params.x_blocks) + i32(c);
    var b: array<vec4f, TN>;
    for (var j = 0u; j < TN; j++) { // @unroll
      b[j] = w[texel + j];
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let inside = u32(top[i] + down) < params.height && u32(left[i] + right) < params.width;
      let a = select(vec4f(), x[select(0, start[i] + offset, inside)], inside);
      for (var j = 0u; j < TN; j++) { // @unroll
        acc[i][j] += dot(a, b[j]);
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
  for (var j = 0u; j < TN4; j++) { // @unroll
    let n = n0 + j * 4u;
    let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.channels);
    let b = bias[n / 4u];
    for (var i = 0u; i < TM; i++) { // @unroll
      let p = first + i * LANES;
      if (p < params.pixels && n < params.channels) {
        let sum = b + vec4f(acc[i][j * 4u], acc[i][j * 4u + 1u], acc[i][j * 4u + 2u], acc[i][j * 4u + 3u]);
        let result = min(max(sum, vec4f(params.low)), vec4f(params.high));
        y[p * params.y_blocks + n / 4u] = select(vec4f(), result, exists);
      }
    }
  }
}
