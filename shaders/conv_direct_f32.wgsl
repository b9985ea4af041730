// y[p, n] = clamp(sum, low, high),
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
