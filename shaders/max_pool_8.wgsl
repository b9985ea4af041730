// y[n, oy, ox, c] = the greatest element of the window of x at (oy, ox). NHWC, sixteen channels of i8 an invocation.
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
