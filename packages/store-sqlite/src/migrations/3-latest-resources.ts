/**
 * Gives the versions of resources their ordinals by their times: versions of a snapshot come grouped by their ids, and the
 * one with the highest ordinal is the latest. In two steps, so that no ordinal is there twice meanwhile.
 */
export const orderVersionsByTime = `
  UPDATE resources_versions SET ordinal = -ordered.place
    FROM (SELECT ordinal AS present, row_number() OVER (ORDER BY update_time, ordinal) AS place FROM resources_versions) AS ordered
    WHERE resources_versions.ordinal = ordered.present;
  UPDATE resources_versions SET ordinal = -ordinal;
`

/** The latest resources are those stored last, whatever the clocks of the processes say. */
export const latestResources: string = `
  ${orderVersionsByTime}
  DROP INDEX resources_latest;
`
