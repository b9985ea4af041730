// y[p, 0, k], y[p, 1, k], y[p, 2, k] = the least and the greatest of x[k, r] over the r of part p, and its share of their
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
