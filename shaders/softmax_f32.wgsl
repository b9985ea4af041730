// y[k, r] = exp(x[k, r] - max) / sum of these over r. The axes of x and y in memory are k0 r k1.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE

struct Params {
  count: u32, // rows
  length: u32, // r
  k1: u32,
  k0_step: u32,
  r_step: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.x + group.y * groups.x) * ROWS + lane / SHARE;
  let start = lane % SHARE;
  let head = lane - start;
  let first = row / params.k1 * params.k0_step + row % params.k1;
  var end = params.length;
  if (row >= params.count) {
    end = 0u;
  }
  var greatest = -3.4e38;
  for (var r = start; r < end; r += SHARE) {
    greatest = max(greatest, x[first + r * params.r_step]);
  }
  if (SHARE > 1u) {
    parts[lane] = greatest;
    workgroupBarrier();
    for (var i = 0u; i < SHARE; i++) {
      greatest = max(greatest, parts[head + i]);
    }
    workgroupBarrier();
  }
  var sum = 0.0;
  for (var r = start; r < end; r += SHARE) {
    sum += exp(x[first + r * params.r_step] - greatest);
  }
  if (SHARE > 1u) {
    parts[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      sum += parts[head + i];
    }
  }
  for (var r = start; r < end; r += SHARE) {
    let at = first + r * params.r_step;
    y[at] = exp(x[at] - greatest) / sum;
  }
}
