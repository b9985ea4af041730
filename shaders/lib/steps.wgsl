// The instructions of pointwise programs on four elements, for kernels with the line "// @use steps".
//
// STEPk = instruction | first register << 8 | second register << 16.
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

const STEPS = array<u32, 16>(
  STEP0, STEP1, STEP2, STEP3, STEP4, STEP5, STEP6, STEP7,
  STEP8, STEP9, STEP10, STEP11, STEP12, STEP13, STEP14, STEP15,
);

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
