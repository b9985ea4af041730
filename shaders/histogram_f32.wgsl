// counts[k, b] += how many x[k, r] lie in bin b. The axes of x in memory are k0 r0 k1 r1 k2.
// Bins are told by the bits of a number: its sign, its exponent and the leading bits of its mantissa. Of every `stride`
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
