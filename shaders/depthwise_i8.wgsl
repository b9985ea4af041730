// sum[p, c] = bias[c] + sum over taps t of x[p * stride - pad + t * dilation, c] * w[t, c], in i32
// y[p, c] = clamp(round(f32(sum) * multiplier[c]) + zero, low, high) as i8,
//        or clamp(f32(sum) * multiplier[c], low, high) as f32
//
// Outside the image x is its zero point; the bias holds -x_zero * (sum of w), so that x counts from its zero point.
// x: nhwc, channels in blocks of 16; y: nhwc in blocks of 16 i8 or 4 f32; w: block t * blocks + block of c.
// An invocation owns one block of channels and COLUMNS adjacent output columns; lanes run along the blocks.
const LANES: u32 = 8;
const COLUMNS: u32 = 4;
const KERNEL_X: u32 = 3;
const STRIDE_X: u32 = 1;
const LOADED: u32 = 6; // (COLUMNS - 1) * STRIDE_X + KERNEL_X input columns
const FLOAT_OUT: u32 = 0;

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
  var acc: array<array<vec4i, 4>, COLUMNS>;
  for (var ky = 0u; ky < params.kernel_y; ky++) {
    let row = u32(top + i32(ky * params.dilation_y));
    let image_row = (image + min(row, params.height - 1u)) * params.width;
    var loaded: array<vec4u, LOADED>;
    for (var i = 0u; i < LOADED; i++) { // @unroll
      let column = u32(left + i32(i));
      let at = (image_row + min(column, params.width - 1u)) * params.blocks + block;
      loaded[i] = select(vec4u(params.x_zero), x[at], row < params.height && column < params.width);
    }
    var taps: array<vec4u, KERNEL_X>;
    for (var kx = 0u; kx < KERNEL_X; kx++) { // @unroll
      let texel = (ky * KERNEL_X + kx) * params.blocks + block;
      taps[kx] = w[texel];
    }
    for (var q = 0u; q < 4; q++) { // @unroll
      var a: array<vec4i, LOADED>;
      for (var i = 0u; i < LOADED; i++) { // @unroll
        a[i] = unpack4xI8(loaded[i][q]);
      }
      for (var kx = 0u; kx < KERNEL_X; kx++) { // @unroll
        let b = unpack4xI8(taps[kx][q]);
        for (var i = 0u; i < COLUMNS; i++) { // @unroll
          acc[i][q] += a[i * STRIDE_X + kx] * b;
        }
      }
    }
  }
  for (var i = 0u; i < COLUMNS; i++) { // @unroll
    if (out_column + i < params.out_width) {
      let pixel = (out_row * params.out_width + out_column + i) * params.y_blocks;
      var packed: vec4u;
      for (var q = 0u; q < 4; q++) { // @unroll
        let real = vec4f(acc[i][q] + bias[block * 4u + q]) * multiplier[block * 4u + q];
        if (FLOAT_OUT == 1u) {
          let n = block * 16u + q * 4u;
          let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.channels);
          let result = select(vec4f(), min(max(real, vec4f(params.low)), vec4f(params.high)), exists);
          if (n < params.channels) {
            y[pixel + block * 4u + q] = bitcast<vec4u>(result);
          }
        } else {
          let result = min(max(round(real) + params.zero, vec4f(params.low)), vec4f(params.high));
          packed[q] = pack4xI8(vec4i(result));
        }
      }
      if (FLOAT_OUT == 0u) {
        y[pixel / 4u + block] = packed;
      }
    }
  }
}
