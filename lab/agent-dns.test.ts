import { decode, encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { answerQuery } from './agent-dns.ts';
import type { DecodedPacket, RecordType } from 'dns-packet';
import type { DnsZone } from './agent-dns.ts';

const zone: DnsZone = {
  domain: 'cluster.local',
  records: new Map([['web.default.svc.cluster.local', '10.43.0.200']]),
};

function ask(name: string, type: RecordType = 'A'): DecodedPacket {
  const answer = answerQuery(encode({ type: 'query', id: 7, questions: [{ type, name }] }), zone);
  return decode(answer ?? Buffer.alloc(0));
}

const codeOf = (packet: DecodedPacket): string => (packet as unknown as { rcode: string }).rcode;

describe('the cluster’s DNS', () => {
  it('answers for a Service, whatever the case of the question', () => {
    const packet = ask('WEB.default.svc.cluster.local');
    expect(packet.id).toBe(7);
    expect(packet.answers).toMatchObject([
      { name: 'WEB.default.svc.cluster.local', data: '10.43.0.200', ttl: 5 },
    ]);
  });

  it('has no data of another type for a name that exists', () => {
    const packet = ask('web.default.svc.cluster.local', 'AAAA');
    expect([codeOf(packet), packet.answers?.length, packet.authorities?.length]).toEqual(['NOERROR', 0, 1]);
  });

  it('makes up the dashed names of pods, for its own domain only', () => {
    expect(ask('10-42-0-3.default.pod.cluster.local').answers).toMatchObject([{ data: '10.42.0.3' }]);
    expect(codeOf(ask('10-42-0-3.default.pod.example.org'))).toBe('NXDOMAIN');
  });

  it('says that other names do not exist', () => {
    expect(codeOf(ask('web.default.svc.cluster.local.default.svc.cluster.local'))).toBe('NXDOMAIN');
  });

  it('answers nothing to what is no query', () => {
    expect(answerQuery(Buffer.from('hello'), zone)).toBeUndefined();
  });
});
