/** Ctrl+Enter (or Cmd+Enter) in a text of several lines sends it. */
export function sendsOn(send: () => Promise<unknown>): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void send();
  };
}
