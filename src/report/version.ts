/** The version of acqua, for reports. @module */

/** As in deno.json. */
export const VERSION = "0.1.0";
