/** Templates: `html` makes Preact elements of tagged text. Values are always text or elements, never markup. */
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
