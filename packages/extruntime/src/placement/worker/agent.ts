import { excessBytes, resultTooLong } from "../../contract/bounds.ts";
import type { Call } from "../../contract/engine.ts";
import { type Body, FLAG, type FrameSink, KIND, NO_DEADLINE, type StartMessage } from "../wire/protocol.ts";
import { abortSignal } from "./abort-signal.ts";
import type { AgentLink } from "./agent-link.ts";
import { asMemoryError, brokenFlag, fire, KeyedCall, limits } from "./call-limits.ts";
import { CallTurns } from "./call-turns.ts";
import { HostQuestions } from "./host-calls.ts";
import { makeEngine } from "./make-engine.ts";
import { type AgentInstance, type AgentProgram, AgentPrograms } from "./programs.ts";
import { Reports } from "./reports.ts";

/** A call that waits for its turn on this thread. */
interface WaitingCall {
  readonly held: AgentInstance;
  readonly flags: number;
  readonly number: number;
  readonly key: number;
  readonly time: number;
  /** On the clock of `performance.now()`: its `time`, where it has a deadline, counts from here. */
  readonly came: number;
  readonly payload: string;
}

/** Milliseconds of calls after which what has come meanwhile is looked at: a module that waits less long than others is then found. */
const SLICE_MS = 1;
/** Turns of a program whose calls are short, and that nobody waits behind, after which the clock is looked at. */
const MOST_UNMEASURED = 8;

type Frame = [kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body];

/**
 * The worker's side of a placement: holds the engine, its programs and instances, and runs the calls that come as frames.
 * It is the same in a thread and in a process.
 */
export class Agent implements FrameSink {
  /** Asynchronous calls, loads and instantiations that have not ended. */
  pending = 0;
  readonly #link: AgentLink;
  readonly #reports: Reports;
  readonly #questions: HostQuestions;
  readonly #programs: AgentPrograms;
  /** By key, how to abort a call that is asynchronous. */
  readonly #aborts = new Map<number, () => void>();
  /** Guests that hold this thread until the host has answered, each called by the one before. */
  #blocked = 0;
  /** What came meanwhile. */
  readonly #deferred: Frame[] = [];
  /** Calls that wait for their turn, of all programs. */
  readonly #turns = new CallTurns<AgentProgram, WaitingCall>();

  constructor(link: AgentLink) {
    this.#link = link;
    this.#reports = new Reports(link);
    this.#questions = new HostQuestions(this.#reports, () => this.#receive());
    this.#programs = new AgentPrograms({
      reports: this.#reports,
      questions: this.#questions,
      endsWithGuest: link.ownProcess,
      track: (promise) => this.#track(promise),
    });
  }

  frame(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (kind === KIND.hostAnswer) {
      this.#questions.answered(key, body as string);
    } else if (this.#blocked > 0) {
      this.#deferred.push([kind, flags, number, key, target, time, body]);
    } else {
      this.#handleDeferred();
      this.#handle(kind, flags, number, key, target, time, body);
    }
  }

  /** Calls wait for their turn. */
  get busy(): boolean {
    return this.#turns.length > 0;
  }

  /** To be called when the frames that had come are handled, and again, after more of them, while it is `busy`. */
  endOfBatch(): void {
    this.#handleDeferred();
    this.#takeTurns();
    this.#reports.flush();
  }

  /** To be called at the end of what this thread is doing beside that. It may be `busy` then. */
  endOfTurn(): void {
    this.#handleDeferred();
    this.#reports.flush();
  }

  #takeTurns(): void {
    if (this.#turns.length === 0 || this.#blocked > 0) return;
    let since = performance.now();
    const until = since + SLICE_MS;
    /** Turns of one program since the clock was looked at, which costs more than some of them. */
    let unmeasured = 0;
    let party: AgentProgram | undefined;
    const measure = () => {
      const now = performance.now();
      this.#turns.charge(party!, now - since);
      since = now;
      unmeasured = 0;
    };
    while (since < until) {
      const call = this.#turns.next();
      if (call === undefined) break;
      const { program } = call.held;
      if (unmeasured > 0 && program !== party) measure();
      party = program;
      this.#take(call);
      this.#handleDeferred();
      unmeasured++;
      if (unmeasured === MOST_UNMEASURED || this.#turns.contended || !program.timing.quick) measure();
    }
    if (unmeasured > 0) measure();
  }

  #take({ held, flags, number, key, time, came, payload }: WaitingCall): void {
    const left = time === NO_DEADLINE ? time : Math.max(0, time - (performance.now() - came));
    if (held.running !== 0) held.waiting.push(() => this.#run(held, flags, number, key, left, payload));
    else this.#run(held, flags, number, key, left, payload);
    if ((flags & FLAG.prompt) !== 0) this.#reports.flush();
  }

  #handle(kind: number, flags: number, number: number, key: number, target: number, time: number, body: Body): void {
    if (kind === KIND.call) this.#call(flags, number, key, target, time, body as string);
    else if (kind === KIND.instantiate) this.#programs.instantiate(key, target, time, Number(body));
    else if (kind === KIND.abort) this.#aborts.get(key)?.();
    else if (kind === KIND.compile) this.#programs.compile(key, target, JSON.parse(body as string));
    else if (kind === KIND.file) this.#programs.file(target, body as Uint8Array);
    else if (kind === KIND.closeInstance) this.#programs.closeInstance(target);
    else if (kind === KIND.closeProgram) this.#closeProgram(target);
    else if (kind === KIND.start) this.#start(JSON.parse(body as string));
  }

  #handleDeferred(): void {
    while (this.#blocked === 0 && this.#deferred.length > 0) this.#handle(...this.#deferred.shift()!);
  }

  #start(message: StartMessage): void {
    const started = makeEngine(message).then(
      (engine) => {
        this.#programs.engine = engine;
        this.#reports.ready();
      },
      (error: unknown) => this.#reports.notReady(error),
    );
    this.#track(started);
  }

  #closeProgram(id: number): void {
    const program = this.#programs.closeProgram(id);
    if (program !== undefined) this.#turns.forget(program);
  }

  /** Blocks until more has come from the host. Only answers to host calls are handled: a guest is on this thread's stack. */
  #receive(): void {
    this.#reports.flush();
    this.#blocked++;
    try {
      this.#link.receive();
    } finally {
      this.#blocked--;
    }
  }

  #call(flags: number, number: number, key: number, target: number, time: number, payload: string): void {
    const held = this.#programs.instance(target);
    if (held === undefined) {
      this.#reports.failed(key, new Error(`there is no instance ${target}`), FLAG.broken);
      return;
    }
    const call: WaitingCall = {
      held,
      flags,
      number,
      key,
      time,
      came: time === NO_DEADLINE ? 0 : performance.now(),
      payload,
    };
    // Its caller waits with the host's thread: nobody is served before.
    if ((flags & FLAG.sync) !== 0) this.#take(call);
    else this.#turns.add(held.program, call);
  }

  #run(held: AgentInstance, flags: number, number: number, key: number, time: number, payload: string): void {
    const { instance, program } = held;
    if (!this.#reports.empty && program.timing.slow) this.#reports.flush();
    // The call before it may have been its last.
    if (instance.broken === true) {
      this.#reports.skip(key, FLAG.broken);
      return;
    }
    if (!this.#reports.begin(key)) return;
    program.output.renew(1 + this.#aborts.size);
    const fn = program.exports[number]!;
    const bare = limits(time, (flags & FLAG.signal) === 0 ? undefined : abortSignal(this.#link.states, key));
    const call = new KeyedCall(bare, key);
    const here = instance.invokeHere !== undefined && this.#mayHoldThread(program, call);
    const begun = program.timing.begin(here);
    let result: string | Promise<string>;
    program.voice.inside = key;
    try {
      if ((flags & FLAG.sync) !== 0 && instance.invokeSync !== undefined)
        result = instance.invokeSync(fn, payload, call);
      else if (here) result = instance.invokeHere!(fn, payload, call);
      else result = instance.invoke(fn, payload, call);
    } catch (error) {
      call.ended = true;
      this.#reports.failed(key, this.#explain(error, program), brokenFlag(instance));
      return;
    } finally {
      program.voice.inside = 0;
    }
    if (typeof result === "string") {
      call.ended = true;
      this.#answer(held, key, result, begun);
    } else this.#follow(held, key, call, result, begun);
  }

  /**
   * Whether a call had better stay on this thread than be asynchronous. Should it not stop when it is told to, the process is
   * ended: so never while another call goes on, which that would cost its answer.
   */
  #mayHoldThread({ timing, hosted }: AgentProgram, { signal }: Call): boolean {
    return this.#link.ownProcess && timing.brief && !hosted && signal === undefined && this.#aborts.size === 0;
  }

  /** The call is asynchronous; others may run meanwhile, on other instances. */
  #follow(held: AgentInstance, key: number, call: KeyedCall, result: Promise<string>, begun: number): void {
    const { instance, program } = held;
    held.running = key;
    program.voice.later.add(key);
    this.#reports.later(key);
    this.#aborts.set(key, () => {
      fire(call.signal);
      instance.abort?.(call);
    });
    const end = () => {
      this.#aborts.delete(key);
      program.voice.later.delete(key);
      held.running = 0;
      while (held.running === 0 && held.waiting.length > 0) held.waiting.shift()!();
    };
    this.#track(
      result.then(
        (text) => {
          call.ended = true;
          this.#answer(held, key, text, begun);
          end();
        },
        (error: unknown) => {
          call.ended = true;
          this.#reports.failed(key, this.#explain(error, program), brokenFlag(instance));
          end();
        },
      ),
    );
  }

  /** Sends a guest's result. One that the host would refuse is not sent at all. */
  #answer({ instance, program }: AgentInstance, key: number, text: string, begun: number): void {
    const excess = excessBytes(text, program.bounds.resultBytes);
    if (excess === undefined) this.#reports.done(key, text, brokenFlag(instance), program.timing.end(begun));
    else this.#reports.failed(key, resultTooLong(excess, program.bounds), brokenFlag(instance));
  }

  #explain(error: unknown, { limited }: AgentProgram): unknown {
    return limited ? asMemoryError(error, this.#programs.engine!) : error;
  }

  /** Counts what is asynchronous, until it has ended. The promise must not reject; what it answers is sent at the end of that turn. */
  #track(promise: Promise<unknown>): void {
    this.pending++;
    promise.finally(() => {
      this.pending--;
      this.#link.flushSoon();
    });
  }
}
