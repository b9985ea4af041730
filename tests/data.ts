/** Real models and data, which lie next to the repository and are not part of it. */

/** A file or folder of ../shared/data, or `null` where it is absent; tests that need it are then ignored. */
export function sharedData(path: string): URL | null {
  const url = new URL(`../../shared/data/${path}`, import.meta.url);
  try {
    Deno.statSync(url);
    return url;
  } catch {
    return null;
  }
}

/** The addresses of all models of ../shared/data, by their paths there. */
export function sharedModels(): Map<string, URL> {
  const root = sharedData("");
  const models = new Map<string, URL>();
  if (!root) return models;
  for (const folder of Deno.readDirSync(root)) {
    if (!folder.isDirectory) continue;
    for (const { name } of Deno.readDirSync(new URL(`${folder.name}/`, root))) {
      if (name.endsWith(".onnx")) models.set(`${folder.name}/${name}`, new URL(`${folder.name}/${name}`, root));
    }
  }
  return models;
}
