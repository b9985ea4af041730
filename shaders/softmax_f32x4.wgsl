// y[k, r] = exp(x[k, r] - max) / sum of these over r. The axes of x and y in memory are k r, and the elements are read
// in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
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
  let first = row * params.step;
  var end = params.step;
  if (row >= params.count) {
    end = 0u;
  }
  var fours = vec4f(-3.4e38);
  for (var r = start; r < end; r += SHARE) {
    let valid = vec4u(r * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
    fours = max(fours, select(vec4f(-3.4e38), x[first + r], valid));
  }
  var greatest = max(max(fours.x, fours.y), max(fours.z, fours.w));
  if (SHARE > 1u) {
    parts[lane] = greatest;
    workgroupBarrier();
    for (var i = 0u; i < SHARE; i++) {
      greatest = max(greatest, parts[head + i]);
    }
    workgroupBarrier();
  }
  var sums = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    let valid = vec4u(r * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
    sums += select(vec4f(0.0), exp(x[first + r] - greatest), valid);
  }
  var sum = sums.x + sums.y + sums.z + sums.w;
  if (SHARE > 1u) {
    parts[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      sum += parts[head + i];
    }
  }
  for (var r = start; r < end; r += SHARE) {
    let valid = vec4u(r * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
    y[first + r] = select(vec4f(0.0), exp(x[first + r] - greatest) / sum, valid);
  }
}
