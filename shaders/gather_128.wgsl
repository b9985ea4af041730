// y[o, a, b, i] = x[o, rows[a], columns[b], i], one block of 16 bytes an invocation.
const TABLES: u32 = 2; // 1 where all columns are 0

struct Params {
  count: u32, // blocks of y
  inner: u32,
  a: u32, // rows of y
  b: u32, // columns of y
  outer_step: u32,
  row_step: u32,
  column_step: u32,
  rows: i32, // rows of x: indices may count from the end
}

@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read> table: array<i32>; // rows, then columns
@group(0) @binding(2) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(3) var<uniform> params: Params;

// Where an element of y comes from.
fn place(index: u32) -> u32 {
  let i = index % params.inner;
  var rest = index / params.inner;
  var column = 0u;
  if (TABLES == 2u) {
    column = u32(table[params.a + rest % params.b]);
    rest /= params.b;
  }
  var row = table[rest % params.a];
  row = clamp(select(row, row + params.rows, row < 0), 0, params.rows - 1);
  return rest / params.a * params.outer_step + u32(row) * params.row_step + column * params.column_step + i;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.x + group.y * groups.x) * 64u + lane;
  if (index >= params.count) {
    return;
  }
  y[index] = x[place(index)];
}
