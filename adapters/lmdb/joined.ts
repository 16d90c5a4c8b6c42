import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Backend } from "./backend.ts";
import type { Channel } from "./channel.ts";
import { makeListeners } from "./listeners.ts";
import * as methods from "./protocol.ts";

/** The store that another process owns, by way of a channel to it. */
export const makeJoined = ({ send, close, lost }: Channel): Backend => {
  const { subscribe, announce } = makeListeners();
  const announced = <Fault, A>(task: TE.TaskEither<Fault, A>): TE.TaskEither<Fault, A> =>
    pipe(
      task,
      TE.chainFirstIOK(() => announce),
    );
  const setNoticeStatus = methods.SET_NOTICE_STATUS.ask(send);
  const add = methods.ADD.ask(send);
  const retry = methods.RETRY.ask(send);
  const revive = methods.REVIVE.ask(send);
  return {
    settings: {
      noticeStatus: methods.NOTICE_STATUS.ask(send),
      setNoticeStatus: (...change) => announced(setNoticeStatus(...change)),
      importStatuses: methods.IMPORT_STATUSES.ask(send),
      ready: methods.READY.ask(send),
    },
    outbox: {
      add: (...notice) => announced(add(...notice)),
      claim: methods.CLAIM.ask(send),
      settle: methods.SETTLE.ask(send),
      deadLetters: methods.DEAD_LETTERS.ask(send),
      status: methods.STATUS.ask(send),
      retry: (now) => announced(retry(now)),
      revive: () => announced(revive()),
      subscribe,
    },
    relationships: {
      areFriends: methods.ARE_FRIENDS.ask(send),
      isMember: methods.IS_MEMBER.ask(send),
      addFriends: methods.ADD_FRIENDS.ask(send),
      removeFriends: methods.REMOVE_FRIENDS.ask(send),
      friendsOf: methods.FRIENDS_OF.ask(send),
      addMembers: methods.ADD_MEMBERS.ask(send),
      removeMembers: methods.REMOVE_MEMBERS.ask(send),
      membersOf: methods.MEMBERS_OF.ask(send),
    },
    close,
    lost,
  };
};
