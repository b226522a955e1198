/** What the server asks of a new password. */
export const PASSWORD_MINIMUM = 10;
