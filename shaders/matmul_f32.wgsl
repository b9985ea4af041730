// y[b, m, n] = clamp(bias[n] + sum over k of left[b, m, k] * right[b, n, k], low, high)
//
// left, right, y: last axis in blocks of 4; a batch b has three axes, along which an operand may be broadcast (step 0).
// An invocation owns TM rows, LANES_M apart, and TN adjacent columns of one batch. Lanes run along rows first, then along
// tiles of columns.
const LANES: u32 = 8; // LANES_M * LANES_N
const LANES_M: u32 = 8;
const LANES_N: u32 = 1;
const TM: u32 = 16;
const TN: u32 = 16;
const TN4: u32 = 4;

struct Params {
  rows: u32,
  columns: u32,
  blocks: u32,
  y_blocks: u32,
  batch_1: u32,
  batch_2: u32,
  left_step_0: u32,
  left_step_1: u32,
  left_step_2: u32,
  right_step_0: u32,
  right_step_1: u32,
  right_step_2: u32,
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
  let from_left = batch.x * params.left_step_0 + batch.y * params.left_step_1 + batch.z * params.left_step_2;
  let from_right = batch.x * params.right_step_0 + batch.y * params.right_step_1 + batch.z * params.right_step_2;
  var row: array<u32, TM>;
  for (var i = 0u; i < TM; i++) { // @unroll
    row[i] = from_left + min(first + i * LANES_M, params.rows - 1u) * params.blocks;
  }
  var column: array<u32, TN>;
  for (var j = 0u; j < TN; j++) { // @unroll
    column[j] = from_right + min(n0 + j, params.columns - 1u) * params.blocks;
  }
  var acc: array<array<vec4f, TN4>, TM>;
  let blocks = params.blocks;
  for (var k = 0u; k < blocks; k++) {
    var b: array<mat4x4f, TN4>;
    for (var j = 0u; j < TN4; j++) { // @unroll
      let c = vec4u(column[j * 4u], column[j * 4u + 1u], column[j * 4u + 2u], column[j * 4u + 3u]) + k;
      b[j] = mat4x4f(right[c.x], right[c.y], right[c.z], right[c.w]);
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
        let sum = b + acc[i][j];
        let result = min(max(sum, vec4f(params.low)), vec4f(params.high));
        y[(group.z * params.rows + m) * params.y_blocks + n / 4u] = select(vec4f(), result, exists);
      }
    }
  }
}
