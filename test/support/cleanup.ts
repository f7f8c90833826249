/** Where helpers leave what has to be cleaned up: the context of a test, or a run of a scenario. */
export interface Cleanup {
  after(clean: () => unknown): void;
}
