import type { ReactElement } from 'react';
import { useObservable } from '../app/observable';
import type { FollowedExecution } from '../app/follower';
import type { ThreadSession } from '../app/session';
import { useAthenic, useNow } from './context';

/** A connection that is back within this time was never gone for the user. */
const QUIET = 2000;

export function ConnectionBanner(): ReactElement | null {
  const { session } = useAthenic();
  return session === undefined ? null : <Inner session={session} />;
}

function Inner({ session }: { readonly session: ThreadSession }): ReactElement | null {
  useObservable(session);
  const followed = useAthenic().followed();
  return followed === undefined ? <Banner session={session} since={undefined} /> : <WithStream session={session} followed={followed} />;
}

function WithStream({ session, followed }: { readonly session: ThreadSession; readonly followed: FollowedExecution }): ReactElement | null {
  useObservable(followed);
  return <Banner session={session} since={followed.stream.lostSince} />;
}

function Banner({ session, since }: { readonly session: ThreadSession; readonly since: number | undefined }): ReactElement | null {
  const lost = Math.min(since ?? Infinity, session.lostSince ?? Infinity);
  const now = useNow(lost !== Infinity, 500);
  if (now - lost < QUIET || lost === Infinity) return null;
  return <div className="banner" role="status" data-testid="banner"><span className="banner-dot" />Reconnecting. Nothing is lost.</div>;
}
