/** Who is signed in, and what they may do. Views import this instead of views.js, which imports them. */

/**
 * @typedef {{role: "admin" | "ingest" | "read", organization: string | null, name: string | null, expires_at: string | null}} Session
 * @typedef {{session: Session, organization: any, place: import("./place.js").Place}} ViewProps
 * `organization` is the API's object, null where the view is about all of them
 */

/** A credential of no organization is an operator's. @param {Session} session */
export const isOperator = (session) => session.organization === null;

/** Whether this reader may change things. @param {Session} session */
export const mayAct = (session) => session.role === "admin";
