/**
 * Runs a command with a WebGPU adapter to use: `deno run -A examples/with_gpu.ts deno run -A examples/demo.ts`.
 *
 * Where a machine has none, it installs a software one (Debian and Ubuntu, as root) or says how to, and goes on without:
 * the CPU backend needs no adapter.
 */
const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];

/** Without these wgpu falls back to GL with lower limits, and the loader complains on each start. */
function environment(): Record<string, string> {
  if (Deno.build.os !== "linux") return {};
  return {
    DENO_WEBGPU_BACKEND: Deno.env.get("DENO_WEBGPU_BACKEND") ?? "vulkan",
    XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp",
  };
}

async function succeeds(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<boolean> {
  try {
    const output = await new Deno.Command(command, { args: [...args], env, stdout: "null", stderr: "null" }).output();
    return output.success;
  } catch {
    return false;
  }
}

/** Asked in a process of its own: a process keeps the drivers that it found at its start. */
function hasAdapter(): Promise<boolean> {
  return succeeds(
    Deno.execPath(),
    ["eval", "--no-lock", "--no-config", "Deno.exit((await navigator.gpu?.requestAdapter()) ? 0 : 1)"],
    environment(),
  );
}

async function provideAdapter(): Promise<void> {
  if (await hasAdapter()) return;
  const line = `apt-get install -y ${PACKAGES.join(" ")}`;
  const apt = Deno.build.os === "linux" && await succeeds("apt-get", ["--version"]);
  if (apt && Deno.uid() === 0) {
    console.error(`No WebGPU adapter found: installing a software one (${line}) ...`);
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await succeeds("apt-get", ["update"], env);
    await succeeds("apt-get", ["install", "-y", "--no-install-recommends", ...PACKAGES], env);
    if (await hasAdapter()) return console.error("Done.");
    console.error("That did not help; going on with the CPU backend, which is slow.");
    return;
  }
  console.error("No WebGPU adapter found: going on with the CPU backend, which is slow.");
  if (apt) console.error(`For a software adapter run: sudo ${line}`);
}

await provideAdapter();
const [command, ...args] = Deno.args;
if (command) {
  const executable = command === "deno" ? Deno.execPath() : command;
  const { code } = await new Deno.Command(executable, { args, env: environment() }).spawn().status;
  Deno.exit(code);
}
