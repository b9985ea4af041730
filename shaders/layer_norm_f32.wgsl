// y[k, r] = (x[k, r] - mean) / sqrt(variance + epsilon) * scale[r] + bias[r], mean and variance taken over r; with ADDED
// the sum x + added takes the place of x. The axes of x, added and y in memory are k r, and the elements are read in
// fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE
const BIAS: u32 = 1; // 0 where there is no bias
const ADDED: u32 = 0;

struct Params {
  count: u32, // rows
  length: u32, // elements
  step: u32, // fours from row to row
  epsilon: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> added: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> parts: array<f32, 64>;

fn summand(block: u32) -> vec4f {
  if (ADDED == 1u) {
    return x[block] + added[block];
  }
  return x[block];
}

fn exists(block: u32) -> vec4<bool> {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
}

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
  var sums = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    sums += summand(first + r);
  }
  var mean = sums.x + sums.y + sums.z + sums.w;
  if (SHARE > 1u) {
    parts[lane] = mean;
    workgroupBarrier();
    mean = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      mean += parts[head + i];
    }
    workgroupBarrier();
  }
  mean /= f32(params.length);
  var squares = vec4f(0.0);
  for (var r = start; r < end; r += SHARE) {
    let distance = select(vec4f(0.0), summand(first + r) - mean, exists(r));
    squares += distance * distance;
  }
  var variance = squares.x + squares.y + squares.z + squares.w;
  if (SHARE > 1u) {
    parts[lane] = variance;
    workgroupBarrier();
    variance = 0.0;
    for (var i = 0u; i < SHARE; i++) {
      variance += parts[head + i];
    }
  }
  variance /= f32(params.length);
  let factor = 1.0 / sqrt(variance + params.epsilon);
  for (var r = start; r < end; r += SHARE) {
    var value = (summand(first + r) - mean) * factor * scale[r];
    if (BIAS == 1u) {
      value += bias[r];
    }
    y[first + r] = select(vec4f(0.0), value, exists(r));
  }
}
