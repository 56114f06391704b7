/** What the start of a runtime costs by itself. */
export {};
