// y[n, oy, ox, c] = the greatest element, or the mean, of the window of x at (oy, ox). NHWC, four channels an
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
