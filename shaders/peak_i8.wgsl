// acc[i][j] += dot4I8Packed(x[i], w[j]) in a tile of ROWS x COLUMNS sums, TURNS times an invocation.
// At each turn all x and w are other numbers: a factor that stays is taken out of the sum by compilers.
const ROWS: u32 = 4;
const COLUMNS: u32 = 4;
const TURNS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> seed: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var x: array<u32, ROWS>;
  var w: array<u32, COLUMNS>;
  var acc: array<array<i32, COLUMNS>, ROWS>;
  for (var i = 0u; i < ROWS; i++) { // @unroll
    x[i] = seed[0] * (id.x + i);
  }
  for (var j = 0u; j < COLUMNS; j++) { // @unroll
    w[j] = seed[1] * (j + 1u);
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    for (var i = 0u; i < ROWS; i++) { // @unroll
      for (var j = 0u; j < COLUMNS; j++) { // @unroll
        acc[i][j] += dot4I8Packed(x[i], w[j]);
      }
    }
    for (var i = 0u; i < ROWS; i++) { // @unroll
      x[i] = bitcast<u32>(acc[i][0]);
    }
    for (var j = 0u; j < COLUMNS; j++) { // @unroll
      w[j] ^= bitcast<u32>(acc[0][j]);
    }
  }
  var sum = 0;
  for (var i = 0u; i < ROWS; i++) { // @unroll
    for (var j = 0u; j < COLUMNS; j++) { // @unroll
      sum += acc[i][j];
    }
  }
  // Rarely happens, and no compiler can know when: so nothing above can be left out.
  if (bitcast<u32>(sum) == seed[2]) {
    seed[3] = seed[2];
  }
}
