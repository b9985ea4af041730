// Softmax for kernels with the line "// @use softmax": exponentials of a row, and their sum. The axes of x in memory are k r,
// and the elements are read in fours of r, the last of them padded with zeros.
const SHARE: u32 = 1; // invocations that share the work of one row
const ROWS: u32 = 64; // rows of a workgroup: 64 / SHARE

@group(0) @binding(0) var<storage, read> x: array<vec4f>;

var<workgroup> parts: array<f32, 64>;

fn exists(block: u32) -> vec4<bool> {
  return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.length);
}

// The greatest element of the row of fours [first, first + end), and the sum of exp(x - greatest).
fn statistics(first: u32, end: u32, lane: u32) -> vec2f {
  let start = lane % SHARE;
  let head = lane - start;
  var fours = vec4f(-3.4e38);
  for (var r = start; r < end; r += SHARE) {
    fours = max(fours, select(vec4f(-3.4e38), x[first + r], exists(r)));
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
    sums += select(vec4f(0.0), exp(x[first + r] - greatest), exists(r));
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
  return vec2f(greatest, sum);
}

// Four results of a row, zero in the padding.
fn normalized(first: u32, r: u32, row: vec2f) -> vec4f {
  return select(vec4f(0.0), exp(x[first + r] - row.x) / row.y, exists(r));
}
