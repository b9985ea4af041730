// sum[p, n] = bias[n] + sum over taps t and channels c of x[p * stride - pad + t * dilation, g(n), c] * w[t, c, n],
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
