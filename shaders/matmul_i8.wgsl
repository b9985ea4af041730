// sum[b, m, n] = bias[n] + sum over k of (left[b, m, k] - left_zero) * (right[b, n, k] - right_zero), in i32
// y[b, m, n] = clamp(round(f32(sum) * multiplier[n]) + zero, low, high) as i8,
//        or clamp(f32(sum) * multiplier[n], low, high) as f32
//
// left, right: last axis in blocks of 16, whose padding is masked; y: in blocks of 16 i8 or 4 f32. The other axes have steps
// of their own: those of left and right in blocks, those of y in fours. A batch b has three axes, along which an operand may be broadcast (step 0).
// An invocation owns TM rows, LANES_M apart, and TN adjacent columns of one batch. Lanes run along rows first, then along
// tiles of columns.
const LANES: u32 = 8; // LANES_M * LANES_N
const LANES_M: u32 = 8;
const LANES_N: u32 = 1;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;
const TN16: u32 = 1; // TN / 16, at least 1
const QUADS: u32 = 4; // fours of columns in each of these
const FLOAT_OUT: u32 = 0;

struct Params {
  rows: u32,
  columns: u32,
  blocks: u32,
  inner: u32,
  batch_1: u32,
  batch_2: u32,
  left_first: u32,
  left_row: u32,
  left_step_0: u32,
  left_step_1: u32,
  left_step_2: u32,
  right_first: u32,
  right_column: u32,
  right_step_0: u32,
  right_step_1: u32,
  right_step_2: u32,
  y_row: u32,
  y_step_0: u32,
  y_step_1: u32,
  y_step_2: u32,
  left_zero: i32,
  right_zero: i32,
  low: f32,
  high: f32,
  zero: f32,
}

@group(0) @binding(0) var<storage, read> left: array<vec4u>;
@group(0) @binding(1) var<storage, read> right: array<vec4u>;
@group(0) @binding(2) var<storage, read> bias: array<vec4i>;
@group(0) @binding(3) var<storage, read> multiplier: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(5) var<uniform> params: Params;

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

// All ones in the bytes of block k that hold elements, zeros in the padding.
fn mask(k: u32, inner: u32) -> vec4u {
  let bytes = clamp(vec4i(i32(inner) - i32(k * 16u)) - vec4i(0, 4, 8, 12), vec4i(0), vec4i(4));
  return select((vec4u(1u) << (vec4u(bytes) * 8u)) - 1u, vec4u(0xffffffffu), bytes == vec4i(4));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * LANES_M * TM + lane % LANES_M;
  let n0 = (group.y * LANES_N + lane / LANES_M) * TN;
  let batch = vec3u(
    group.z / params.batch_2 / params.batch_1,
    group.z / params.batch_2 % params.batch_1,
    group.z % params.batch_2,
  );
  let from_left = params.left_first +
    batch.x * params.left_step_0 + batch.y * params.left_step_1 + batch.z * params.left_step_2;
  let from_right = params.right_first +
    batch.x * params.right_step_0 + batch.y * params.right_step_1 + batch.z * params.right_step_2;
  let from_y = batch.x * params.y_step_0 + batch.y * params.y_step_1 + batch.z * params.y_step_2;
  var row: array<u32, TM>;
  for (var i = 0u; i < TM; i++) { // @unroll
    row[i] = from_left + min(first + i * LANES_M, params.rows - 1u) * params.left_row;
  }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { // @unroll
    column[j] = from_right + min(n0 + j, params.columns - 1u) * params.right_column;
  }
  let ones = vec4u(0x01010101u);
  var acc: array<array<vec4i, TN4>, TM>;
  var row_sum: array<i32, TM>;
  var column_sum: array<i32, TN>;
  let blocks = params.blocks;
  let inner = params.inner;
  for (var k = 0u; k < blocks; k++) {
    let real = mask(k, inner);
    var b: array<vec4u, TN>;
    for (var j = 0u; j < TN; j++) { // @unroll
      b[j] = right[column[j] + k] & real;
      column_sum[j] += dot16(b[j], ones);
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let a = left[row[i] + k] & real;
      row_sum[i] += dot16(a, ones);
      for (var j = 0u; j < TN4; j++) { // @unroll
        acc[i][j] += vec4i(dot16(a, b[j * 4u]), dot16(a, b[j * 4u + 1u]), dot16(a, b[j * 4u + 2u]), dot16(a, b[j * 4u + 3u]));
      }
    }
  }
  let both = i32(inner) * params.left_zero * params.right_zero;
  for (var k = 0u; k < TN16; k++) { // @unroll
    let n16 = n0 + k * 16u;
    if (n16 < params.columns) {
      for (var i = 0u; i < TM; i++) { // @unroll
        let m = first + i * LANES_M;
        if (m < params.rows) {
          let at = from_y + m * params.y_row + n16 / 4u;
          var packed: vec4u;
          for (var q = 0u; q < QUADS; q++) { // @unroll
            let n = n16 + q * 4u;
            let j = k * 16u + q * 4u;
            let products = acc[i][k * 4u + q];
            let sums = vec4i(column_sum[j], column_sum[j + 1u], column_sum[j + 2u], column_sum[j + 3u]);
            let constant = bias[n / 4u] + both - params.left_zero * sums;
            let real = vec4f(products + constant - params.right_zero * row_sum[i]) * multiplier[n / 4u];
            if (FLOAT_OUT == 0u) {
              let result = min(max(round(real) + params.zero, vec4f(params.low)), vec4f(params.high));
              packed[q] = pack4xI8(vec4i(result));
            } else if (n < params.columns) {
              let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.columns);
              let result = select(vec4f(), min(max(real, vec4f(params.low)), vec4f(params.high)), exists);
              y[at + q] = bitcast<vec4u>(result);
            }
          }
          if (FLOAT_OUT == 0u) {
            y[at / 4u] = packed;
          }
        }
      }
    }
  }
}
