// y = program(in0, in1, ...), each element alone, the inputs broadcast to the shape of y.
//
// y is [rows, columns], columns along its innermost axis; one invocation makes 4 * VECS columns of a row (16 bytes of
// i8, hence VECS is 4 where any tensor is i8). With FLAT y is one row, whose elements find their own place in inputs
// that are gathered. i8 inputs count as the whole numbers that they hold.
//
// STEPk = instruction | first register << 8 | second register << 16; registers 0 .. INPUTS - 1 are the inputs.
// OPERANDi = access | is i8 << 4, see the accesses below.

const INPUTS: u32 = 1;
const COUNT: u32 = 1;
const VECS: u32 = 1;
const OUTER: u32 = 0; // axes of y outside the innermost one
const FLAT: u32 = 0;
const GATHERS: u32 = 1; // VECS, or 0 where no input is gathered: that code takes compilers long
const OUT_I8: u32 = 0;
const OPERAND0: u32 = 0;
const OPERAND1: u32 = 0;
const OPERAND2: u32 = 0;
const OPERAND3: u32 = 0;
const OPERAND4: u32 = 0;
const OPERAND5: u32 = 0;
const STEP0: u32 = 0;
const STEP1: u32 = 0;
const STEP2: u32 = 0;
const STEP3: u32 = 0;
const STEP4: u32 = 0;
const STEP5: u32 = 0;
const STEP6: u32 = 0;
const STEP7: u32 = 0;
const STEP8: u32 = 0;
const STEP9: u32 = 0;
const STEP10: u32 = 0;
const STEP11: u32 = 0;
const STEP12: u32 = 0;
const STEP13: u32 = 0;
const STEP14: u32 = 0;
const STEP15: u32 = 0;

const OPERANDS = array<u32, 6>(OPERAND0, OPERAND1, OPERAND2, OPERAND3, OPERAND4, OPERAND5);
const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);
const REGISTERS: u32 = INPUTS + COUNT;

const SAME: u32 = 0u; // the row of y, whole
const SCALAR: u32 = 1u; // one element
const VECTOR: u32 = 2u; // one row for all rows of y
const ROWS: u32 = 3u; // row (row of y / divisor) % modulus, whole
const SPLAT: u32 = 4u; // one element for each such row
const GATHER: u32 = 5u; // by strides, each element alone

struct Operand {
  divisor: u32,
  modulus: u32,
  step: u32, // from row to row: in elements for SPLAT, else in 16 bytes
  inner: u32, // from column to column, in elements
  strides: array<vec4u, 2>, // along the outer axes, the innermost first
}

struct Params {
  items: u32, // invocations in all
  blocks: u32, // invocations in a row
  columns: u32,
  inner: u32, // columns of y before it was made flat
  step: u32, // from row to row of y, in 16 bytes
  sizes: array<vec4u, 2>, // of the outer axes, the innermost first
  operands: array<Operand, 6>,
  immediates: array<vec4f, 16>, // p, q
}

@group(0) @binding(0) var<storage, read> in0: array<vec4u>;
@group(0) @binding(1) var<storage, read> in1: array<vec4u>;
@group(0) @binding(2) var<storage, read> in2: array<vec4u>;
@group(0) @binding(3) var<storage, read> in3: array<vec4u>;
@group(0) @binding(4) var<storage, read> in4: array<vec4u>;
@group(0) @binding(5) var<storage, read> in5: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(7) var<uniform> params: Params;

fn readBlock(i: u32, index: u32) -> vec4u {
  switch i {
    case 1u: { return in1[index]; }
    case 2u: { return in2[index]; }
    case 3u: { return in3[index]; }
    case 4u: { return in4[index]; }
    case 5u: { return in5[index]; }
    default: { return in0[index]; }
  }
}

fn readWord(i: u32, word: u32) -> u32 {
  switch i {
    case 1u: { return in1[word >> 2u][word & 3u]; }
    case 2u: { return in2[word >> 2u][word & 3u]; }
    case 3u: { return in3[word >> 2u][word & 3u]; }
    case 4u: { return in4[word >> 2u][word & 3u]; }
    case 5u: { return in5[word >> 2u][word & 3u]; }
    default: { return in0[word >> 2u][word & 3u]; }
  }
}

fn element(i: u32, index: u32) -> f32 {
  if ((OPERANDS[i] >> 4u) == 0u) {
    return bitcast<f32>(readWord(i, index));
  }
  return f32(extractBits(bitcast<i32>(readWord(i, index >> 2u)), (index & 3u) * 8u, 8u));
}

fn rowStart(i: u32, row: u32) -> u32 {
  var rest = row;
  var start = 0u;
  for (var d = 0u; d < OUTER; d++) { // @unroll
    let size = params.sizes[d >> 2u][d & 3u];
    start += (rest % size) * params.operands[i].strides[d >> 2u][d & 3u];
    rest /= size;
  }
  return start;
}

fn gather(i: u32, row: u32, column: u32) -> f32 {
  if (FLAT == 0u) {
    return element(i, rowStart(i, row) + column * params.operands[i].inner);
  }
  let start = rowStart(i, column / params.inner);
  return element(i, start + (column % params.inner) * params.operands[i].inner);
}

fn power(a: vec4f, b: vec4f) -> vec4f {
  let whole = fract(b) == vec4f(0.0);
  let size = pow(select(a, abs(a), whole), b);
  let negative = whole & (fract(b * 0.5) != vec4f(0.0)) & (a < vec4f(0.0));
  return select(select(size, -size, negative), vec4f(1.0), b == vec4f(0.0));
}

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(-x * x));
}

// a / b up to 4096, rounded as IEEE 754 asks where WGSL allows 2.5 ulp: the remainder of a first quotient is computed
// without error (Dekker: every product of two halves is exact) and divided again. The clamp changes nothing that
// quantization can see, and keeps compilers from turning a * c + r * c into (a + r) * c (Mesa does).
fn quotient(a: vec4f, b: vec4f) -> vec4f {
  let inverse = 1.0 / b;
  let first = clamp(a * inverse, vec4f(-4096.0), vec4f(4096.0));
  let high = bitcast<vec4f>(bitcast<vec4u>(first) & vec4u(0xfffff000u));
  let low = first - high;
  let bHigh = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let bLow = b - bHigh;
  let remainder = ((a - high * bHigh) - high * bLow - low * bHigh) - low * bLow;
  return first + remainder * inverse;
}

fn quantize(a: vec4f, scale: f32, zero: f32) -> vec4f {
  return clamp(round(quotient(a, vec4f(scale))) + zero, vec4f(-128.0), vec4f(127.0));
}

fn apply(code: u32, a: vec4f, b: vec4f, p: f32, q: f32) -> vec4f {
  switch code {
    case 0u: { return a + b; }
    case 1u: { return a - b; }
    case 2u: { return a * b; }
    case 3u: { return a / b; }
    case 4u: { return power(a, b); }
    case 5u: { return max(a, b); }
    case 6u: { return min(a, b); }
    case 7u: { return a + p; }
    case 8u: { return a * p; }
    case 9u: { return p / a; }
    case 10u: { return power(a, vec4f(p)); }
    case 11u: { return min(max(a, vec4f(p)), vec4f(q)); }
    case 12u: { return sqrt(a); }
    case 13u: { return 1.0 / (1.0 + exp(-a)); }
    case 14u: { return tanh(clamp(a, vec4f(-20.0), vec4f(20.0))); }
    case 15u: { return clamp(a * p + q, vec4f(0.0), vec4f(1.0)); }
    case 16u: { return exp(a); }
    case 17u: { return abs(a); }
    case 18u: { return -a; }
    case 19u: { return round(a); }
    case 20u: { return quantize(a, p, q); }
    case 21u: { return (a - q) * p; }
    case 22u: { return trunc(a); }
    case 23u: { return erf(a); }
    default: { return quotient(a, b); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let item = id.x + id.y * grid.x * 64u;
  if (item >= params.items) {
    return;
  }
  var row = 0u;
  var block = item;
  if (OUTER > 0u && FLAT == 0u) {
    row = item / params.blocks;
    block = item - row * params.blocks;
  }
  var r: array<vec4f, VECS * REGISTERS>;
  for (var i = 0u; i < INPUTS; i++) { // @unroll
    let access = OPERANDS[i] & 15u;
    var source = row;
    if (access == VECTOR) {
      source = 0u;
    } else if (access == ROWS || access == SPLAT) {
      source = (row / params.operands[i].divisor) % params.operands[i].modulus;
    }
    let start = source * params.operands[i].step;
    if (access == SCALAR || access == SPLAT) {
      let value = vec4f(element(i, select(start, 0u, access == SCALAR)));
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = value;
      }
    } else if (access == GATHER) {
      for (var v = 0u; v < GATHERS; v++) { // @unroll
        let column = (block * VECS + v) * 4u;
        r[v * REGISTERS + i] = vec4f(
          gather(i, row, column),
          gather(i, row, column + 1u),
          gather(i, row, column + 2u),
          gather(i, row, column + 3u),
        );
      }
    } else if ((OPERANDS[i] >> 4u) == 1u) {
      let packed = readBlock(i, start + block);
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = vec4f(unpack4xI8(packed[v]));
      }
    } else {
      for (var v = 0u; v < VECS; v++) { // @unroll
        r[v * REGISTERS + i] = bitcast<vec4f>(readBlock(i, start + block * VECS + v));
      }
    }
  }
  for (var v = 0u; v < VECS; v++) { // @unroll
    for (var k = 0u; k < COUNT; k++) { // @unroll
      r[v * REGISTERS + INPUTS + k] = apply(
        STEPS[k] & 255u,
        r[v * REGISTERS + ((STEPS[k] >> 8u) & 255u)],
        r[v * REGISTERS + (STEPS[k] >> 16u)],
        params.immediates[k].x,
        params.immediates[k].y,
      );
    }
  }
  if (OUT_I8 == 1u) {
    var packed: vec4u;
    for (var v = 0u; v < VECS; v++) { // @unroll
      packed[v] = pack4xI8(vec4i(r[(v + 1u) * REGISTERS - 1u]));
    }
    y[row * params.step + block] = packed;
    return;
  }
  for (var v = 0u; v < VECS; v++) { // @unroll
    let column = (block * VECS + v) * 4u;
    if (column < params.columns) {
      let inside = column + vec4u(0u, 1u, 2u, 3u) < vec4u(params.columns);
      let value = select(vec4f(0.0), r[(v + 1u) * REGISTERS - 1u], inside);
      y[row * params.step + block * VECS + v] = bitcast<vec4u>(value);
    }
  }
}
