// sum[b, m, n] = bias[n] + sum over k of (left[b, m, k] - left_zero) * (right[b, n, k] - right_zero), in i32
// y[b, m, n] = clamp(round(f32(sum) * multiplier[n]) + zero, low, high) as i8,
//        or clamp(f32(sum) * multiplier[n], low, high) as f32
//
// left, right: last axis in blocks of 16, whose padding is masked; y: in fours. The other axes have steps of their own,
// in these units. A batch b has three axes, along which an operand may be broadcast (step 0).
// Lanes run along m: an invocation owns TM rows, LANES apart, and TN adjacent columns of one batch.
const LANES: u32 = 8;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;
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
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

// All ones in the bytes of block k that hold elements, zeros in the padding.
fn mask(k: u32) -> vec4u {
  let bytes = clamp(vec4i(i32(params.inner) - i32(k * 16u)) - vec4i(0, 4, 8, 12), vec4i(0), vec4i(4));
  return select((vec4u(1u) << (vec4u(bytes) * 8u)) - 1u, vec4u(0xffffffffu), bytes == vec4i(4));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * LANES * TM + lane;
  let n0 = group.y * TN;
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
    row[i] = from_left + min(first + i * LANES, params.rows - 1u) * params.left_row;
  }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { // @unroll
    column[j] = from_right + min(n0 + j, params.columns - 1u) * params.right_column;
  }
  let ones = vec4u(0x01010101u);
  var acc: array<array<i32, TN>, TM>;
  var row_sum: array<i32, TM>;
  var column_sum: array<i32, TN>;
  for (var k = 0u; k < params.blocks; k++) {
    let real = mask(k);
    var b: array<vec4u, TN>;
    for (var j = 0u; j < TN; j++) { // @unroll
      b[j] = right[column[j] + k] & real;
      column_sum[j] += dot16(b[j], ones);
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let a = left[row[i] + k] & real;
      row_sum[i] += dot16(a, ones);
      for (var j = 0u; j < TN; j++) { // @unroll
        acc[i][j] += dot16(a, b[j]);
      }
    }
  }
  let both = i32(params.inner) * params.left_zero * params.right_zero;
  for (var j = 0u; j < TN4; j++) { // @unroll
    let n = n0 + j * 4u;
    let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.columns);
    let sums = vec4i(column_sum[j * 4u], column_sum[j * 4u + 1u], column_sum[j * 4u + 2u], column_sum[j * 4u + 3u]);
    let b = bias[n / 4u] + both - params.left_zero * sums;
    let scale = multiplier[n / 4u];
    for (var i = 0u; i < TM; i++) { // @unroll
      let m = first + i * LANES;
      if (m < params.rows && n < params.columns) {
        let products = vec4i(acc[i][j * 4u], acc[i][j * 4u + 1u], acc[i][j * 4u + 2u], acc[i][j * 4u + 3u]);
        let real = vec4f(products + b - params.right_zero * row_sum[i]) * scale;
        let block = from_y + m * params.y_row + n / 4u;
        if (FLOAT_OUT == 1u) {
          let result = select(vec4f(), min(max(real, vec4f(params.low)), vec4f(params.high)), exists);
          y[block * 4u] = bitcast<u32>(result.x);
          y[block * 4u + 1u] = bitcast<u32>(result.y);
          y[block * 4u + 2u] = bitcast<u32>(result.z);
          y[block * 4u + 3u] = bitcast<u32>(result.w);
        } else {
          let result = min(max(round(real) + params.zero, vec4f(params.low)), vec4f(params.high));
          y[block] = pack4xI8(vec4i(result));
        }
      }
    }
  }
}
