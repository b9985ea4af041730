// y[b, m, n] = clamp(bias[n] + scale * sum over k of left[b, m, k] * right[b, n, k], low, high)
//
// left, right, y: last axis in blocks of 4, the other axes with steps of their own, in blocks; with RIGHT_ROWS right is
// right[b, k, n]. A batch b has three axes, along which an operand may be broadcast (step 0).
// An invocation owns TM rows, LANES_M apart, and TN adjacent columns of one batch. Lanes run along rows first, then along
// tiles of columns.
const LANES: u32 = 8; // LANES_M * LANES_N
const LANES_M: u32 = 8;
const LANES_N: u32 = 1;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;
const RIGHT_ROWS: u32 = 0;

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
  scale: f32,
  low: f32,
  high: f32,
}

@group(0) @binding(0) var<storage, read> left: array<vec4f>;
@group(0) @binding(1) var<storage, read> right: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

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
    if (RIGHT_ROWS == 1u) {
      column[j] = from_right + min(n0 + j, params.columns - 1u) / 4u;
    } else {
      column[j] = from_right + min(n0 + j, params.columns - 1u) * params.right_column;
    }
  }
  let right_column = params.right_column;
  var acc: array<array<vec4f, TN4>, TM>;
  let blocks = params.blocks;
  let inner = params.inner;
  for (var k = 0u; k < blocks; k++) {
    var b: array<mat4x4f, TN4>;
    if (RIGHT_ROWS == 1u) { // @choose
      let r = min(vec4u(k * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(inner - 1u)) * right_column;
      for (var j = 0u; j < TN4; j++) { // @unroll
        let at = vec4u(column[j * 4u]) + r;
        b[j] = transpose(mat4x4f(right[at.x], right[at.y], right[at.z], right[at.w]));
      }
    }
    if (RIGHT_ROWS == 0u) { // @choose
      for (var j = 0u; j < TN4; j++) { // @unroll
        let at = vec4u(column[j * 4u], column[j * 4u + 1u], column[j * 4u + 2u], column[j * 4u + 3u]) + k;
        b[j] = mat4x4f(right[at.x], right[at.y], right[at.z], right[at.w]);
      }
    }
    for (var i = 0u; i < TM; i++) { // @unroll
      let a = left[row[i] + k];
      for (var j = 0u; j < TN4; j++) { // @unroll
        acc[i][j] += a * b[j];
      }
    }
  }
  for (var j = 0u; j < TN4; j++) { // @unroll
    let n = n0 + j * 4u;
    let exists = vec4u(n, n + 1u, n + 2u, n + 3u) < vec4u(params.columns);
    let b = bias[n / 4u];
    for (var i = 0u; i < TM; i++) { // @unroll
      let m = first + i * LANES_M;
      if (m < params.rows && n < params.columns) {
        let sum = b + params.scale * acc[i][j];
        let result = min(max(sum, vec4f(params.low)), vec4f(params.high));
        y[from_y + m * params.y_row + n / 4u] = select(vec4f(), result, exists);
      }
    }
  }
}
