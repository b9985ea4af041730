// a[i] = a[i] * b + c in CHAINS chains that do not wait for one another; TURNS * UNROLL * CHAINS times an invocation.
const CHAINS: u32 = 8;
const UNROLL: u32 = 4;
const TURNS: u32 = 64;

@group(0) @binding(0) var<storage, read_write> seed: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let b = seed[0];
  let c = seed[1];
  var a: array<f32, CHAINS>;
  for (var i = 0u; i < CHAINS; i++) { // @unroll
    a[i] = f32(id.x + i) * c;
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    for (var r = 0u; r < UNROLL; r++) { // @unroll
      for (var i = 0u; i < CHAINS; i++) { // @unroll
        a[i] = a[i] * b + c;
      }
    }
  }
  var sum = 0.0;
  for (var i = 0u; i < CHAINS; i++) { // @unroll
    sum += a[i];
  }
  // Does not happen, which no compiler can know: so nothing above can be left out.
  if (sum == seed[2]) {
    seed[3] = sum;
  }
}
