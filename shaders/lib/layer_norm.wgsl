// Layer normalization for kernels with the line "// @use layer_norm": the statistics of a row, and its elements. The axes of
// x and added in memory are k r, and the elements are read in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE
const BIAS: u32 = 1; // 0 where there is no bias
const ADDED: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> added: array<vec4f>;

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

// The mean of the row of fours [first, first + end), and 1 / sqrt(variance + epsilon).
fn statistics(first: u32, end: u32, lane: u32) -> vec2f {
  let start = lane % SHARE;
  let head = lane - start;
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
  return vec2f(mean, 1.0 / sqrt(variance + params.epsilon));
}

// Four results of a row, zero in the padding.
fn normalized(first: u32, r: u32, row: vec2f) -> vec4f {
  var value = (summand(first + r) - row.x) * row.y * scale[r];
  if (BIAS == 1u) {
    value += bias[r];
  }
  return select(vec4f(0.0), value, exists(r));
}
