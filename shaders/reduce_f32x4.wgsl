// y[k] = the sum (mean, greatest, least, product) of x[k, r] over r. The axes of x in memory are k0 r0 k1 r1 k2, and
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
