/** Whether the person has moved inside the workspace: the first page keeps the browser's own focus. */
export const arrivals = { moved: false };
